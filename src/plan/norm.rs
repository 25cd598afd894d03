//! A batch norm as a stage of its own: it sees the whole batch, and is divided by channels, each of which is normalised by itself.
//! An activation and a max-pool behind it are done with it, plane by plane.

use super::behind::{Behind, Scratch};
use super::plain::Plain;
use super::split::columns;
use super::step::{Backward, Room};
use super::train::Shared;
use crate::Real;
use crate::kernels::{MatrixMut, Workers};
use crate::layers::{BatchNorm, Channel, mean_and_variance};
use crate::module::{Gradients, Module};
use crate::tensor::values_mut;
use std::any::Any;
use std::ops::Range;
use std::sync::Mutex;

/// The most parts, and the fewest channels of one.
const MOST_PARTS: usize = 8;
const LEAST_CHANNELS: usize = 4;

/// Z = γ·X̂ + β of each channel, and what is behind it.
#[derive(Debug)]
pub(super) struct Norm<T: Real> {
    /// Where the layer is.
    pub place: Plain,
    /// The layer and those behind it, as a printed plan shows them.
    pub modules: String,
    pub behind: Behind<T>,
    /// Its parameters among all of the network.
    pub parameters: Range<usize>,
    pub channels: usize,
    /// Entries of a channel in a sample.
    pub plane: usize,
    pub parts: Vec<Mutex<Part<T>>>,
    /// Entries of a channel in the last pass.
    count: usize,
}

/// Some channels, and what their passes leave.
#[derive(Debug)]
pub(super) struct Part<T> {
    channels: Range<usize>,
    /// Mean and variance of each; none in evaluation.
    moments: Vec<(T, T)>,
    own: Vec<Channel<T>>,
    /// Σδ and Σδ·X̂ of each.
    sums: Vec<(T, T)>,
    /// Where the maxima of each plane stand.
    indices: Vec<u32>,
    rooms: Rooms<T>,
}

/// A channel's entries where they lie apart, and its δ behind the norm.
#[derive(Debug, Default)]
struct Rooms<T> {
    x: Vec<T>,
    z: Vec<T>,
    dz: Vec<T>,
    result: Vec<T>,
    d: Vec<T>,
    scratch: Scratch<T>,
}

/// The samples of a batch, and whether a channel has one entry in each, so that they lie apart.
#[derive(Clone, Copy)]
struct Rows {
    rows: usize,
    apart: bool,
}

/// What a plan asks of a batch norm, of rows or of images.
trait Channels<T>: Sync {
    fn channel(&self, channel: usize, moments: (T, T)) -> Channel<T>;
    fn running_channel(&self, channel: usize) -> Channel<T>;
    fn move_averages(&mut self, moments: &[(T, T)], count: usize);
}

impl<T: Real, const AXES: usize> Channels<T> for BatchNorm<T, AXES> {
    fn channel(&self, channel: usize, (mean, variance): (T, T)) -> Channel<T> {
        BatchNorm::channel(self, channel, mean, variance)
    }

    fn running_channel(&self, channel: usize) -> Channel<T> {
        BatchNorm::running_channel(self, channel)
    }

    fn move_averages(&mut self, moments: &[(T, T)], count: usize) {
        BatchNorm::move_averages(self, moments, count);
    }
}

/// A module as a batch norm, if it is one.
fn layer_of<T: Real>(module: &dyn Module<T>) -> Option<&dyn Channels<T>> {
    let any: &dyn Any = module;
    let rows = any.downcast_ref::<BatchNorm<T, 1>>().map(|norm| norm as &dyn Channels<T>);
    rows.or_else(|| any.downcast_ref::<BatchNorm<T, 2>>().map(|norm| norm as _))
}

/// [`layer_of`], to write to.
fn layer_of_mut<T: Real>(module: &mut dyn Module<T>) -> Option<&mut dyn Channels<T>> {
    let any: &mut dyn Any = module;
    if any.is::<BatchNorm<T, 1>>() {
        return any.downcast_mut::<BatchNorm<T, 1>>().map(|norm| norm as _);
    }
    any.downcast_mut::<BatchNorm<T, 2>>().map(|norm| norm as _)
}

impl<T: Real> Norm<T> {
    /// The stage of a module, if it is a batch norm.
    pub fn of(
        module: &dyn Module<T>,
        place: Plain,
        behind: Behind<T>,
        modules: String,
        parameters: Range<usize>,
    ) -> Option<Self> {
        layer_of(module)?;
        let (channels, plane) = (place.input[0], place.input[1..].iter().product());
        let count = (channels / LEAST_CHANNELS).clamp(1, MOST_PARTS);
        let at = |part: usize| part * channels / count;
        let part = |part| Part {
            channels: at(part)..at(part + 1),
            moments: Vec::new(),
            own: Vec::new(),
            sums: Vec::new(),
            indices: Vec::new(),
            rooms: Rooms::default(),
        };
        let parts = (0..count).map(part).map(Mutex::new).collect();
        Some(Norm { place, modules, behind, parameters, channels, plane, parts, count: 0 })
    }

    /// Numbers of a sample, in and out.
    pub fn sizes(&self) -> (usize, usize) {
        (self.channels * self.plane, self.channels * self.behind.output(self.plane))
    }

    fn layer<'a>(&self, network: &'a dyn Module<T>) -> &'a dyn Channels<T> {
        layer_of(self.place.find(network)).expect("a batch norm when it was planned")
    }

    /// z ← what is behind γ·x̂ + β, with mean and variance of the batch in training, else the running ones.
    pub fn forward(&mut self, workers: &mut Workers, shared: &Shared<'_, T>, rows: usize, x: &[T], z: &mut [T]) {
        let (layer, training) = (self.layer(shared.network), shared.tape.is_training());
        self.count = rows * self.plane;
        let behind = self.behind.output(self.plane);
        let blocks = self.blocks(z, rows, behind);
        let all = Rows { rows, apart: self.plane == 1 };
        workers.run(self.parts.len(), &|task| {
            let Part { channels, moments, own, indices, rooms, .. } =
                &mut *self.parts[task].lock().expect("no other task takes this part");
            let mut block = blocks[task].lock().expect("no other task takes this block");
            moments.clear();
            own.clear();
            indices.resize(if self.behind.pool.is_some() { channels.len() * rows * behind } else { 0 }, 0);
            let mut indices = indices.chunks_mut(behind.max(1));
            for (place, channel) in channels.clone().enumerate() {
                let x = planes(x, self.plane, all, channel, &mut rooms.x);
                let normal = if training {
                    moments.push(mean_and_variance(x.clone(), self.count));
                    layer.channel(channel, moments[place])
                } else {
                    layer.running_channel(channel)
                };
                own.push(normal);
                write(&mut block, behind, all, place, &mut rooms.result, x, |x, z| {
                    self.behind.forward(&normal, x, z, indices.next().unwrap_or_default(), &mut rooms.scratch);
                });
            }
        });
    }

    /// [`Norm::forward`] of some samples on their way alone, with the running mean and variance.
    pub fn predict(&self, network: &dyn Module<T>, x: &[T], z: &mut [T], room: &mut Room<T>) {
        let (layer, behind) = (self.layer(network), self.behind.output(self.plane));
        let sizes = self.sizes();
        room.indices.resize(if self.behind.pool.is_some() { behind } else { 0 }, 0);
        for channel in 0..self.channels {
            let normal = layer.running_channel(channel);
            let own = |plane: usize| channel * plane..(channel + 1) * plane;
            for (x, z) in x.chunks_exact(sizes.0).zip(z.chunks_exact_mut(sizes.1)) {
                let (x, z) = (&x[own(self.plane)], &mut z[own(behind)]);
                self.behind.forward(&normal, x, z, &mut room.indices, &mut room.planes);
            }
        }
    }

    /// gradients ← ∂L/∂θ, and ∂L/∂x where it is wanted.
    pub fn backward(
        &self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        rows: usize,
        io: Backward<'_, T>,
        gradients: &mut Gradients<T>,
    ) {
        let (Backward { x, z, dz, dx }, training) = (io, shared.tape.is_training());
        let (dz, behind) = (&*dz, self.behind.output(self.plane));
        let blocks = dx.map(|dx| self.blocks(dx, rows, self.plane));
        let all = Rows { rows, apart: self.plane == 1 };
        // Entries of what is a plane here.
        let size = if all.apart { rows } else { self.plane };
        workers.run(self.parts.len(), &|task| {
            let Part { channels, own, sums, indices, rooms, .. } =
                &mut *self.parts[task].lock().expect("no other task takes this part");
            sums.clear();
            let mut indices = indices.chunks(behind.max(1));
            for (place, channel) in channels.clone().enumerate() {
                let normal = own[place];
                let x = planes(x, self.plane, all, channel, &mut rooms.x);
                let dz = planes(dz, behind, all, channel, &mut rooms.dz);
                if !self.behind.is_nothing() {
                    let z = planes(z, behind, all, channel, &mut rooms.z);
                    rooms.d.resize(self.count, T::zero());
                    let ds = rooms.d.chunks_exact_mut(size.max(1));
                    for ((x, z), (dz, d)) in x.clone().zip(z).zip(dz.clone().zip(ds)) {
                        let indices = indices.next().unwrap_or_default();
                        self.behind.backward(&normal, (x, z), indices, dz, d, &mut rooms.scratch);
                    }
                }
                // δ where it is: as it came, or in its room.
                let own_d = (!self.behind.is_nothing()).then_some(&rooms.d);
                let d = dz.enumerate().map(|(row, dz)| own_d.map_or(dz, |d| &d[row * size..][..size]));
                let both = x.zip(d);
                let own_sums = normal.sums(both.clone());
                sums.push(own_sums);
                let Some(blocks) = &blocks else { continue };
                let mut block = blocks[task].lock().expect("no other task takes this block");
                write(&mut block, self.plane, all, place, &mut rooms.result, both, |(x, d), to| match training {
                    true => normal.delta(own_sums, self.count, x, d, to),
                    false => normal.delta_in_evaluation(d, to),
                });
            }
        });
        let [weight, bias] = &mut gradients[self.parameters.clone()] else { return };
        let (weight, bias) = (values_mut(weight), values_mut(bias));
        for part in &self.parts {
            let part = part.lock().expect("no task is left");
            for (channel, &(total, product)) in part.channels.clone().zip(&part.sums) {
                (weight[channel], bias[channel]) = (product, total);
            }
        }
    }

    /// The columns of a batch that belong to each part, where a channel has `plane` of them.
    fn blocks<'a>(&self, batch: &'a mut [T], rows: usize, plane: usize) -> Vec<Mutex<MatrixMut<'a, T>>> {
        let channels = |part: &Mutex<Part<T>>| part.lock().expect("no task is under way").channels.clone();
        let own = |range: Range<usize>| range.start * plane..range.end * plane;
        let ranges: Vec<_> = self.parts.iter().map(channels).map(own).collect();
        columns(MatrixMut::new(batch, rows, self.channels * plane), &ranges)
    }

    /// Moves the layer's running averages by what its last pass left, if that was one of training.
    pub fn update_buffers(&self, network: &mut dyn Module<T>) {
        let layer = layer_of_mut(self.place.find_mut(network)).expect("a batch norm when it was planned");
        let mut moments = Vec::with_capacity(self.channels);
        for part in &self.parts {
            moments.extend_from_slice(&part.lock().expect("no task is left").moments);
        }
        if moments.len() == self.channels {
            layer.move_averages(&moments, self.count);
        }
    }
}

/// The entries of a channel: its planes, or of rows, in which they lie apart, a single one.
fn planes<'a, T: Real>(
    batch: &'a [T],
    plane: usize,
    Rows { rows, apart }: Rows,
    channel: usize,
    room: &'a mut Vec<T>,
) -> impl ExactSizeIterator<Item = &'a [T]> + Clone + use<'a, T> {
    let len = batch.len().checked_div(rows).unwrap_or(0);
    let (values, count, step, first, size) = if apart {
        room.clear();
        room.extend(batch.iter().skip(channel).step_by(len.max(1)).take(rows));
        (&room[..], 1, 0, 0, rows)
    } else {
        (batch, rows, len, channel * plane, plane)
    };
    (0..count).map(move |row| &values[row * step + first..][..size])
}

/// Has `job` write a channel of a block, from its planes one after the other: planes of `plane` entries, or a single one whose
/// entries then go to the rows.
fn write<T: Real, P>(
    block: &mut MatrixMut<'_, T>,
    plane: usize,
    Rows { rows, apart }: Rows,
    place: usize,
    room: &mut Vec<T>,
    planes: impl Iterator<Item = P>,
    mut job: impl FnMut(P, &mut [T]),
) {
    for (row, from) in planes.enumerate() {
        if apart {
            room.resize(rows, T::zero());
            job(from, room);
            (0..rows).for_each(|row| block.row_mut(row)[place] = room[row]);
        } else {
            job(from, &mut block.row_mut(row)[place * plane..][..plane]);
        }
    }
}
