//! A batch norm as a stage of its own: it sees the whole batch, and is divided by channels, each of which is normalised by itself.
//! An activation and a max-pool behind it are done with it, plane by plane. On the way back the sums of each channel come first;
//! ∂L/∂x then follows sample by sample, for a chain before it as each of its slices begins.

use super::behind::{Behind, Scratch};
use super::plain::Plain;
use super::split::columns;
use super::stage::free;
use super::step::{Backward, Room};
use super::train::Shared;
use crate::Real;
use crate::kernels::{Aligned, MatrixMut, Workers, level, map};
use crate::layers::{BatchNorm, Channel, Slope, mean_and_variance};
use crate::module::{Gradients, Module};
use crate::tensor::values_mut;
use std::any::Any;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

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
    /// Where the maxima of a pool stand in each plane and x there, as z lies.
    indices: Vec<u32>,
    maxima: Vec<T>,
    /// ∂L/∂x of each channel in the pass on its way back.
    slopes: Vec<Slope<T>>,
    /// What slices work in that want some of ∂L/∂x.
    rooms: Vec<Mutex<Aligned<T>>>,
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
    rooms: Rooms<T>,
}

/// A channel's entries where they lie apart.
#[derive(Debug, Default)]
struct Rooms<T> {
    x: Vec<T>,
    z: Vec<T>,
    d: Vec<T>,
    scratch: Scratch<T>,
}

/// Samples that one task takes when the channels are no longer apart.
const ROWS: usize = 8;

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
            rooms: Rooms::default(),
        };
        let parts = (0..count).map(part).map(Mutex::new).collect();
        let (indices, maxima, slopes, rooms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (place, count) = (place, 0);
        Some(Norm { place, modules, behind, parameters, channels, plane, parts, indices, maxima, slopes, rooms, count })
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
        self.count = rows * self.plane;
        let places = if self.behind.pool.is_some() { z.len() } else { 0 };
        self.indices.resize(places, 0);
        self.maxima.resize(places, T::zero());
        let (mut indices, mut maxima) = (std::mem::take(&mut self.indices), std::mem::take(&mut self.maxima));
        let (layer, training) = (self.layer(shared.network), shared.tape.is_training());
        let behind = self.behind.output(self.plane);
        let blocks = self.blocks(z, rows, behind);
        let kept = if places > 0 { behind } else { 0 };
        let (indices_of, maxima_of) = (self.blocks(&mut indices, rows, kept), self.blocks(&mut maxima, rows, kept));
        workers.run(self.parts.len(), &|task| {
            let Part { channels, moments, own, rooms, .. } =
                &mut *self.parts[task].lock().expect("no other task takes this part");
            let mut z = blocks[task].lock().expect("no other task takes this block");
            let mut indices = indices_of[task].lock().expect("no other task takes this block");
            let mut maxima = maxima_of[task].lock().expect("no other task takes this block");
            moments.clear();
            own.clear();
            for (place, channel) in channels.clone().enumerate() {
                let x = self.planes(x, self.plane, rows, channel, &mut rooms.x);
                let normal = if training {
                    moments.push(mean_and_variance(x.clone(), self.count));
                    layer.channel(channel, moments[place])
                } else {
                    layer.running_channel(channel)
                };
                own.push(normal);
                let own = |width: usize| place * width..(place + 1) * width;
                if self.apart() {
                    let column = x.clone().next().unwrap_or_default();
                    rooms.z.resize(rows, T::zero());
                    self.behind.forward(&normal, column, &mut rooms.z, Default::default(), &mut rooms.scratch);
                    (0..rows).for_each(|row| z.row_mut(row)[place] = rooms.z[row]);
                    continue;
                }
                for (row, x) in x.enumerate() {
                    let maxima = (&mut indices.row_mut(row)[own(kept)], &mut maxima.row_mut(row)[own(kept)]);
                    self.behind.forward(&normal, x, &mut z.row_mut(row)[own(behind)], maxima, &mut rooms.scratch);
                }
            }
        });
        drop((indices_of, maxima_of));
        (self.indices, self.maxima) = (indices, maxima);
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
                self.behind.forward(&normal, x, z, (&mut room.indices, &mut []), &mut room.planes);
            }
        }
    }

    /// gradients ← ∂L/∂θ, and ∂L/∂x where it is wanted; else [`Norm::delta`] gives it from what dz is afterwards.
    pub fn backward(
        &mut self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        rows: usize,
        io: Backward<'_, T>,
        gradients: &mut Gradients<T>,
    ) {
        let (Backward { x, z, dz, dx }, training) = (io, shared.tape.is_training());
        let behind = self.behind.output(self.plane);
        let blocks = self.blocks(dz, rows, behind);
        workers.run(self.parts.len(), &|task| {
            let Part { channels, own, sums, rooms, .. } =
                &mut *self.parts[task].lock().expect("no other task takes this part");
            let mut block = blocks[task].lock().expect("no other task takes this block");
            sums.clear();
            for (place, (channel, normal)) in channels.clone().zip(&*own).enumerate() {
                // x where a δ comes in.
                let there = match self.behind.pool {
                    Some(_) => self.planes(&self.maxima, behind, rows, channel, &mut rooms.x),
                    None => self.planes(x, self.plane, rows, channel, &mut rooms.x),
                };
                let z = self.planes(z, behind, rows, channel, &mut rooms.z);
                let mut sum = (0.0, 0.0);
                let mut plane = |x, z, d: &mut [T]| {
                    self.behind.backward(normal, x, z, d, &mut rooms.scratch);
                    let own = normal.plane_sums(x, d);
                    sum = (sum.0 + own.0, sum.1 + own.1);
                };
                if self.apart() {
                    rooms.d.clear();
                    rooms.d.extend((0..rows).map(|row| block.row_mut(row)[place]));
                    there.zip(z).for_each(|(x, z)| plane(x, z, &mut rooms.d));
                    (0..rows).for_each(|row| block.row_mut(row)[place] = rooms.d[row]);
                } else {
                    for (row, (x, z)) in there.zip(z).enumerate() {
                        plane(x, z, &mut block.row_mut(row)[place * behind..(place + 1) * behind]);
                    }
                }
                sums.push(normal.sums_of(sum));
            }
        });
        drop(blocks);
        self.slopes.clear();
        for part in &self.parts {
            let part = part.lock().expect("no task is left");
            let slope = |(own, &sums): (&Channel<T>, _)| own.slope(sums, self.count, training);
            self.slopes.extend(part.own.iter().zip(&part.sums).map(slope));
            if let [weight, bias] = &mut gradients[self.parameters.clone()] {
                let (weight, bias) = (values_mut(weight), values_mut(bias));
                for (channel, &(total, product)) in part.channels.clone().zip(&part.sums) {
                    (weight[channel], bias[channel]) = (product, total);
                }
            }
        }
        let Some(dx) = dx else { return };
        let (size, own) = self.sizes();
        let parts: Vec<_> = dx.chunks_mut((ROWS * size).max(1)).map(Mutex::new).collect();
        workers.run(parts.len(), &|task| {
            let own_rows = task * ROWS..rows.min((task + 1) * ROWS);
            let mut dx = parts[task].lock().expect("no other task takes these rows");
            let d = &dz[own_rows.start * own..own_rows.end * own];
            self.delta(own_rows.clone(), &x[own_rows.start * size..own_rows.end * size], d, &mut dx);
        });
    }

    /// dx ← ∂L/∂x of some samples, after [`Norm::backward`] has made d of their dz.
    pub fn delta(&self, rows: Range<usize>, x: &[T], d: &[T], dx: &mut [T]) {
        let (size, behind) = (self.channels * self.plane, self.behind.output(self.plane));
        let samples = x.chunks_exact(size).zip(d.chunks_exact(self.channels * behind)).zip(dx.chunks_exact_mut(size));
        for (row, ((x, d), dx)) in rows.zip(samples) {
            if self.apart() {
                let entries = dx.iter_mut().zip(x.iter().zip(d)).zip(&self.slopes);
                entries.for_each(|((dx, (&x, &d)), slope)| *dx = slope.at(x, d));
                continue;
            }
            let planes = x.chunks_exact(self.plane).zip(d.chunks_exact(behind)).zip(dx.chunks_exact_mut(self.plane));
            for (channel, (((x, d), dx), slope)) in planes.zip(&self.slopes).enumerate() {
                if self.behind.pool.is_none() {
                    map(level(), [x, d], dx, |[x, d]| slope.at(x, d));
                    continue;
                }
                // δ is 0 but at the maxima.
                map(level(), [x], dx, |[x]| slope.at(x, T::zero()));
                let first = (row * self.channels + channel) * behind;
                for (&at, &d) in self.indices[first..first + behind].iter().zip(d) {
                    dx[at as usize] += slope.gain * d;
                }
            }
        }
    }

    /// Makes room for so many threads that want some of ∂L/∂x at a time.
    pub fn make_room(&mut self, threads: usize) {
        self.rooms.resize_with(threads.max(self.rooms.len()), Default::default);
    }

    /// [`Norm::delta`] in a room of the stage's own.
    pub fn delta_in_room(&self, rows: Range<usize>, x: &[T], d: &[T]) -> MutexGuard<'_, Aligned<T>> {
        let mut room = free(&self.rooms).1;
        self.delta(rows, x, d, room.take(x.len()));
        room
    }

    /// Whether a channel has one entry in each sample, so that they lie apart.
    fn apart(&self) -> bool {
        self.plane == 1
    }

    /// The columns of a batch that belong to each part, where a channel has `plane` of them.
    fn blocks<'a, A>(&self, batch: &'a mut [A], rows: usize, plane: usize) -> Vec<Mutex<MatrixMut<'a, A>>> {
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

    /// The planes of a channel in a batch where it has `plane` entries in a sample, or a single one of all its entries if they lie
    /// apart.
    fn planes<'a>(
        &self,
        batch: &'a [T],
        plane: usize,
        rows: usize,
        channel: usize,
        room: &'a mut Vec<T>,
    ) -> impl Iterator<Item = &'a [T]> + Clone + use<'a, T> {
        let len = self.channels * plane;
        let (values, count, first, size) = if self.apart() {
            room.clear();
            room.extend(batch.iter().skip(channel).step_by(len));
            (&room[..], 1, 0, rows)
        } else {
            (batch, rows, channel * plane, plane)
        };
        (0..count).map(move |row| &values[row * len + first..][..size])
    }
}
