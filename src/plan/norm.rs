//! A batch norm as a stage of its own, since it sees the whole batch. Between what it must know of all samples it goes through them
//! one by one, and a chain beside it does that for its own slices, which are in a core's cache then: the chain before it sums
//! planes up as they are written, the stage behind it has them normalised as it begins, and on the way back ∂L/∂x is made as the
//! chain before wants it. An activation and a max-pool behind the norm are done with it, plane by plane.

use super::behind::{Behind, Scratch};
use super::plain::Plain;
use super::stage::{free, slices};
use super::step::{Backward, Room};
use super::train::{Fill, Shared};
use crate::Real;
use crate::kernels::{Aligned, Workers, level, map, sum, totals};
use crate::layers::{BatchNorm, Channel, Slope};
use crate::module::{Gradients, Module};
use crate::tensor::values_mut;
use std::any::Any;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

/// Samples of one task, where no chain goes through them.
const ROWS: usize = 4;

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
    channels: usize,
    /// Entries of a channel in a sample.
    plane: usize,
    samples: Vec<Mutex<Sample<T>>>,
    /// What threads work in, each in its own.
    rooms: Vec<Mutex<Rooms<T>>>,
    /// Of each channel in the last pass: mean and variance, none in evaluation; what normalises it; and ∂L/∂x.
    moments: Vec<(T, T)>,
    normals: Vec<Channel<T>>,
    slopes: Vec<Slope<T>>,
    /// Entries of a channel in the last pass.
    count: usize,
}

/// What the passes leave of a sample.
#[derive(Debug)]
struct Sample<T> {
    /// The mean m of each plane, of rounded sums, Σ(x − m) and Σ(x − m)².
    seen: Vec<[f64; 3]>,
    /// Where the maxima of a pool stand in each plane, and x there.
    indices: Vec<u32>,
    maxima: Vec<T>,
    /// Σδ and Σδ·(x − μ) of each plane.
    sums: Vec<(f64, f64)>,
}

#[derive(Debug, Default)]
struct Rooms<T> {
    delta: Aligned<T>,
    scratch: Scratch<T>,
}

/// A norm's output as the input of the stage behind it.
pub(super) struct Normalised<'a, T: Real> {
    pub norm: &'a Norm<T>,
    /// What went into the norm.
    pub x: &'a [T],
}

impl<T: Real> Fill<T> for Normalised<'_, T> {
    fn fill(&self, samples: Range<usize>, to: &mut [T]) {
        let size = self.norm.sizes().0;
        self.norm.apply(samples.clone(), &self.x[samples.start * size..samples.end * size], to);
    }
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
        Some(Norm {
            place,
            modules,
            behind,
            parameters,
            channels,
            plane,
            samples: Vec::new(),
            rooms: Vec::new(),
            moments: Vec::new(),
            normals: Vec::new(),
            slopes: Vec::new(),
            count: 0,
        })
    }

    /// Numbers of a sample, in and out.
    pub fn sizes(&self) -> (usize, usize) {
        (self.channels * self.plane, self.channels * self.behind.output(self.plane))
    }

    fn layer<'a>(&self, network: &'a dyn Module<T>) -> &'a dyn Channels<T> {
        layer_of(self.place.find(network)).expect("a batch norm when it was planned")
    }

    fn sample(&self, row: usize) -> MutexGuard<'_, Sample<T>> {
        self.samples[row].lock().expect("no other task takes this sample")
    }

    /// Makes room for a pass.
    pub fn begin(&mut self, rows: usize, threads: usize) {
        let (channels, outputs) = (self.channels, self.sizes().1);
        let maxima = if self.behind.pool.is_some() { outputs } else { 0 };
        let sample = || Sample {
            seen: vec![[0.0; 3]; channels],
            indices: vec![0; maxima],
            maxima: vec![T::zero(); maxima],
            sums: vec![(0.0, 0.0); channels],
        };
        self.samples.resize_with(rows.max(self.samples.len()), || Mutex::new(sample()));
        self.rooms.resize_with(threads.max(self.rooms.len()), Default::default);
        self.count = rows * self.plane;
    }

    /// Sums up the planes of some samples, for [`Norm::settle`].
    pub fn see(&self, rows: Range<usize>, x: &[T]) {
        let (level, count) = (level(), T::of(self.plane as f64));
        for (row, x) in rows.zip(x.chunks_exact(self.channels * self.plane)) {
            for (seen, x) in self.sample(row).seen.iter_mut().zip(x.chunks_exact(self.plane)) {
                if let [x] = x {
                    *seen = [Real::to_f64(*x), 0.0, 0.0];
                    continue;
                }
                let mean = sum(x) / count;
                let [away, squares] = totals(level, [x], |[x]| [x - mean, (x - mean) * (x - mean)]);
                *seen = [mean, away, squares].map(Real::to_f64);
            }
        }
    }

    /// Settles what normalises each channel: in training mean and variance of the batch that was seen, else the running ones.
    pub fn settle(&mut self, shared: &Shared<'_, T>, rows: usize) {
        let layer = self.layer(shared.network);
        self.moments.clear();
        self.normals.clear();
        if !shared.tape.is_training() {
            return self.normals.extend((0..self.channels).map(|channel| layer.running_channel(channel)));
        }
        let (count, plane) = (self.count as f64, self.plane as f64);
        let mut means = vec![0.0; self.channels];
        for row in 0..rows {
            for (mean, [own, away, _]) in means.iter_mut().zip(&self.sample(row).seen) {
                *mean += (plane * own + away) / count;
            }
        }
        let mut variances = vec![0.0; self.channels];
        for row in 0..rows {
            let sample = self.sample(row);
            let planes = means.iter().zip(&sample.seen);
            for (variance, (mean, [own, away, squares])) in variances.iter_mut().zip(planes) {
                // Σ(x − μ)² = Σ(x − m)² + 2(m − μ)·Σ(x − m) + k(m − μ)² over the k entries of a plane.
                let from = own - mean;
                *variance += (squares + 2.0 * from * away + plane * from * from) / count;
            }
        }
        self.moments.extend(means.iter().zip(&variances).map(|(&mean, &variance)| (T::of(mean), T::of(variance))));
        let normals = self.moments.iter().enumerate().map(|(channel, &moments)| layer.channel(channel, moments));
        self.normals.extend(normals);
    }

    /// z ← what is behind γ·x̂ + β, of some samples.
    pub fn apply(&self, rows: Range<usize>, x: &[T], z: &mut [T]) {
        let ((size, output), behind) = (self.sizes(), self.behind.output(self.plane));
        let Rooms { scratch, .. } = &mut *free(&self.rooms).1;
        for (row, (x, z)) in rows.zip(x.chunks_exact(size).zip(z.chunks_exact_mut(output))) {
            if self.plane == 1 {
                self.behind.forward_row(&self.normals, x, z, scratch);
                continue;
            }
            let Sample { indices, maxima, .. } = &mut *self.sample(row);
            let mut maxima = indices.chunks_exact_mut(behind).zip(maxima.chunks_exact_mut(behind));
            let planes = x.chunks_exact(self.plane).zip(z.chunks_exact_mut(behind));
            for (normal, (x, z)) in self.normals.iter().zip(planes) {
                self.behind.forward(normal, x, z, maxima.next().unwrap_or_default(), scratch);
            }
        }
    }

    /// The whole way forward of a batch, or what neighbours leave of it: `seen` says whether its samples were, and z is what is
    /// still to be written.
    pub fn forward(&mut self, workers: &mut Workers, shared: &Shared<'_, T>, seen: bool, x: &[T], z: Option<&mut [T]>) {
        let (size, output) = self.sizes();
        let ranges: Vec<_> = slices(x.len() / size, ROWS).collect();
        let of = |range: &Range<usize>| &x[range.start * size..range.end * size];
        if shared.tape.is_training() && !seen {
            workers.run(ranges.len(), &|task| self.see(ranges[task].clone(), of(&ranges[task])));
        }
        self.settle(shared, x.len() / size);
        let Some(z) = z else { return };
        let parts: Vec<_> = z.chunks_mut(ROWS * output).map(Mutex::new).collect();
        workers.run(ranges.len(), &|task| {
            let mut z = parts[task].lock().expect("no other task takes these samples");
            self.apply(ranges[task].clone(), of(&ranges[task]), &mut z);
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
                self.behind.forward(&normal, x, z, (&mut room.indices, &mut []), &mut room.planes);
            }
        }
    }

    /// gradients ← ∂L/∂θ, and ∂L/∂x where it is wanted; else [`Norm::delta`] gives it from what dz is afterwards.
    pub fn backward(
        &mut self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        io: Backward<'_, T>,
        gradients: &mut Gradients<T>,
    ) {
        let (Backward { x, z, dz, dx }, (size, output)) = (io, self.sizes());
        let rows = x.len() / size;
        let ranges: Vec<_> = slices(rows, ROWS).collect();
        let parts: Vec<_> = dz.chunks_mut(ROWS * output).map(Mutex::new).collect();
        workers.run(ranges.len(), &|task| {
            let range = ranges[task].clone();
            let (x, z) = (&x[range.start * size..range.end * size], &z[range.start * output..range.end * output]);
            self.behind_norm(range, x, z, &mut parts[task].lock().expect("no other task takes these samples"));
        });
        drop(parts);

        let mut sums = vec![(0.0, 0.0); self.channels];
        for row in 0..rows {
            let own = self.sample(row);
            sums.iter_mut().zip(&own.sums).for_each(|(sum, own)| *sum = (sum.0 + own.0, sum.1 + own.1));
        }
        let sums: Vec<_> = self.normals.iter().zip(sums).map(|(normal, sums)| normal.sums_of(sums)).collect();
        let training = shared.tape.is_training();
        let slopes = self.normals.iter().zip(&sums).map(|(normal, &sums)| normal.slope(sums, self.count, training));
        self.slopes.clear();
        self.slopes.extend(slopes);
        if let [weight, bias] = &mut gradients[self.parameters.clone()] {
            let both = values_mut(weight).iter_mut().zip(values_mut(bias));
            both.zip(&sums).for_each(|((weight, bias), &(total, product))| (*weight, *bias) = (product, total));
        }

        let Some(dx) = dx else { return };
        let parts: Vec<_> = dx.chunks_mut(ROWS * size).map(Mutex::new).collect();
        workers.run(ranges.len(), &|task| {
            let range = ranges[task].clone();
            let (x, d) = (&x[range.start * size..range.end * size], &dz[range.start * output..range.end * output]);
            self.delta(range, x, d, &mut parts[task].lock().expect("no other task takes these samples"));
        });
    }

    /// d ← ∂L/∂y from d = ∂L/∂z of some samples, y = γ·x̂ + β, where a δ comes in; and its sums.
    fn behind_norm(&self, rows: Range<usize>, x: &[T], z: &[T], d: &mut [T]) {
        let ((size, output), behind) = (self.sizes(), self.behind.output(self.plane));
        let Rooms { scratch, .. } = &mut *free(&self.rooms).1;
        let samples = x.chunks_exact(size).zip(z.chunks_exact(output)).zip(d.chunks_exact_mut(output));
        for (row, ((x, z), d)) in rows.zip(samples) {
            let Sample { maxima, sums, .. } = &mut *self.sample(row);
            if self.plane == 1 {
                self.behind.backward_row(&self.normals, x, z, d, scratch);
                let both = self.normals.iter().zip(x.iter().zip(&*d));
                sums.iter_mut().zip(both).for_each(|(sums, (normal, (&x, &d)))| *sums = normal.entry_sums(x, d));
                continue;
            }
            // x where a δ comes in.
            let there = if self.behind.pool.is_some() { &**maxima } else { x };
            let planes = there.chunks_exact(behind).zip(z.chunks_exact(behind)).zip(d.chunks_exact_mut(behind));
            for ((normal, sums), ((x, z), d)) in self.normals.iter().zip(sums).zip(planes) {
                self.behind.backward(normal, x, z, d, scratch);
                *sums = normal.plane_sums(x, d);
            }
        }
    }

    /// dx ← ∂L/∂x of some samples, after [`Norm::backward`] has made d of their dz.
    pub fn delta(&self, rows: Range<usize>, x: &[T], d: &[T], dx: &mut [T]) {
        let ((size, output), behind) = (self.sizes(), self.behind.output(self.plane));
        let samples = x.chunks_exact(size).zip(d.chunks_exact(output)).zip(dx.chunks_exact_mut(size));
        for (row, ((x, d), dx)) in rows.zip(samples) {
            if self.plane == 1 {
                let entries = dx.iter_mut().zip(x.iter().zip(d)).zip(&self.slopes);
                entries.for_each(|((dx, (&x, &d)), slope)| *dx = slope.at(x, d));
                continue;
            }
            let Sample { indices, .. } = &*self.sample(row);
            let mut indices = indices.chunks_exact(behind);
            let planes = x.chunks_exact(self.plane).zip(d.chunks_exact(behind)).zip(dx.chunks_exact_mut(self.plane));
            for (((x, d), dx), slope) in planes.zip(&self.slopes) {
                let Some(indices) = indices.next() else {
                    map(level(), [x, d], dx, |[x, d]| slope.at(x, d));
                    continue;
                };
                // δ is 0 but at the maxima.
                map(level(), [x], dx, |[x]| slope.at(x, T::zero()));
                indices.iter().zip(d).for_each(|(&at, &d)| dx[at as usize] += slope.gain * d);
            }
        }
    }

    /// Calls `job` with [`Norm::delta`] in a room of the stage's own.
    pub fn with_delta(&self, rows: Range<usize>, x: &[T], d: &[T], job: impl FnOnce(&mut [T])) {
        let mut room = free(&self.rooms).1;
        let delta = room.delta.take(x.len());
        self.delta(rows, x, d, delta);
        job(delta);
    }

    /// Moves the layer's running averages by what its last pass left, if that was one of training.
    pub fn update_buffers(&self, network: &mut dyn Module<T>) {
        let layer = layer_of_mut(self.place.find_mut(network)).expect("a batch norm when it was planned");
        if !self.moments.is_empty() {
            layer.move_averages(&self.moments, self.count);
        }
    }
}
