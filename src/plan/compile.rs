//! From modules to steps: which neighbours are fused, and where the batch is divided.

use super::Plan;
use super::activation::{Activate, Activation};
use super::behind::Behind;
use super::convolution::Convolution;
use super::dense::Dense;
use super::direct::Direct;
use super::entrywise::{Entrywise, function};
use super::head::Head;
use super::join::Join;
use super::layout::Turn;
use super::norm::Norm;
use super::plain::{Plain, inside};
use super::pool::MaxPool;
use super::split::Split;
use super::stage::{Boundary, Chain, Planned, Stage};
use super::step::{Room, Step};
use super::whole::Whole;
use crate::kernels::{self, Aligned, Axis, ConvBlock, Windows};
use crate::layers::{Conv2d, ConvTranspose2d, Flatten, Linear, MaxPool2d};
use crate::model::{check_shapes, flops};
use crate::module::Module;
use crate::{Real, Residual, Result};
use std::any::Any;
use std::ops::Range;

/// A module that is no chain of others, with its place.
struct Leaf<'a, T: Real> {
    module: &'a dyn Module<T>,
    /// `encoder.0`.
    name: String,
    path: Vec<usize>,
    parameters: Range<usize>,
    /// Shapes of a batch.
    input: Vec<usize>,
    output: Vec<usize>,
}

impl<T: Real> Leaf<'_, T> {
    /// Where it is, and its shapes of one sample.
    fn place(&self) -> Plain {
        Plain { path: self.path.clone(), input: self.input[1..].to_vec(), output: self.output[1..].to_vec() }
    }
}

/// How the images of a batch lie.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    /// As modules see them.
    First,
    Last,
}

/// The longest patch of a convolution that keeps its weights in a core's first cache, in numbers.
const LONGEST_PATCH: usize = 600;
/// What an entry of an activation costs, in additions and multiplications.
const ENTRY_WORK: u64 = 20;

impl<T: Real> Plan<T> {
    /// A plan of a network for batches of the given shape, or smaller ones.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the network does not take such a batch, or mixes its samples; [`crate::Error::Option`]
    /// when a parameter or buffer has another shape than its layer's options say.
    pub fn new(network: &dyn Module<T>, input: &[usize]) -> Result<Plan<T>> {
        T::plan(network, input)
    }

    pub(crate) fn new_here(network: &dyn Module<T>, input: &[usize]) -> Result<Plan<T>> {
        let output = network.sliced_shape(input)?;
        check_shapes(network)?;
        let mut pieces = Vec::new();
        let mut shape = input.to_vec();
        collect(network, String::new(), Vec::new(), &mut 0, &mut shape, &mut pieces)?;
        let rows = input[0];
        let sample = |shape: &[usize]| shape[1..].iter().product::<usize>();
        let mut builder = Builder {
            stages: Vec::new(),
            chain: Chain::new(sample(input)),
            layout: Layout::First,
            shape: input.to_vec(),
            around: Vec::new(),
        };
        for piece in &pieces {
            match piece {
                Piece::Leaves(leaves) => {
                    let mut rest = leaves.as_slice();
                    while let [leaf, ..] = rest {
                        let taken = builder.take(leaf, rest)?;
                        rest = &rest[taken..];
                    }
                }
                Piece::Around => builder.begin_around(),
                Piece::Joined(module) => builder.join(module),
            }
        }
        builder.channels_first();
        builder.stages.push(Stage::Chain(builder.chain));
        let stages = builder.stages;
        let boundaries = (0..=stages.len()).map(|_| Boundary::default()).collect();
        let (input, output) = (input[1..].to_vec(), output[1..].to_vec());
        Ok(Plan { stages, boundaries, input, output, rows, x: Aligned::default() })
    }
}

/// What stands one behind the other in a network.
enum Piece<'a, T: Real> {
    /// Modules of which neighbours may be fused.
    Leaves(Vec<Leaf<'a, T>>),
    /// A way around what follows, up to where the two are joined.
    Around,
    /// The [`Residual`] that ends there.
    Joined(String),
}

/// All pieces of a module in order; `shape` is that of its input before and of its output after.
fn collect<'a, T: Real>(
    module: &'a dyn Module<T>,
    name: String,
    path: Vec<usize>,
    parameters: &mut usize,
    shape: &mut Vec<usize>,
    pieces: &mut Vec<Piece<'a, T>>,
) -> Result<()> {
    let residual = (module as &dyn Any).is::<Residual<T>>();
    // Slices can go both ways by themselves where nothing on them sees the batch as a whole.
    if inside(module).is_some() && (!residual || module.couples_samples()) {
        if residual {
            pieces.push(Piece::Around);
        }
        for (place, (inner, child)) in module.children().into_iter().enumerate() {
            let name = if name.is_empty() { inner } else { format!("{name}.{inner}") };
            let path = [path.as_slice(), &[place]].concat();
            collect(child, name, path, parameters, shape, pieces)?;
        }
        if residual {
            pieces.push(Piece::Joined(format!("{name} Residual").trim_start().to_string()));
        }
        return Ok(());
    }
    let (input, output) = (shape.clone(), module.output_shape(shape)?);
    let mut count = 0;
    module.each_parameter(&mut |_| count += 1);
    let own = *parameters..*parameters + count;
    *parameters = own.end;
    shape.clone_from(&output);
    let leaf = Leaf { module, name, path, parameters: own, input, output };
    match pieces.last_mut() {
        Some(Piece::Leaves(leaves)) => leaves.push(leaf),
        _ => pieces.push(Piece::Leaves(vec![leaf])),
    }
    Ok(())
}

/// A plan in the making.
struct Builder<T: Real> {
    stages: Vec<Stage<T>>,
    /// The chain that grows.
    chain: Chain<T>,
    /// How its output lies, and its shape as modules see it.
    layout: Layout,
    shape: Vec<usize>,
    /// The stages at which ways around the next ones begin.
    around: Vec<usize>,
}

impl<T: Real> Builder<T> {
    /// Plans the first of the leaves, and as many behind it as can be fused with it; how many that were.
    fn take(&mut self, leaf: &Leaf<'_, T>, rest: &[Leaf<'_, T>]) -> Result<usize> {
        let any: &dyn Any = leaf.module;
        let taken = if let Some(layer) = any.downcast_ref::<Linear<T>>() {
            self.channels_first();
            // What a layer does on more than two axes, it does on rows.
            let flat = leaf.input.len() == 2;
            if flat && Split::<T>::pays(&layer.options, leaf.input[0]) {
                self.split(layer, rest)
            } else if flat {
                let activation = rest.get(1).and_then(|next| Activation::of(next.module));
                let taken = 1 + usize::from(activation.is_some());
                let step = Dense { options: layer.options.clone(), activation };
                self.push(Box::new(step), &rest[..taken])?;
                taken
            } else {
                self.plain(rest)?
            }
        } else if let Some((step, taken)) =
            any.downcast_ref::<Conv2d<T>>().and_then(|layer| self.convolution(layer, rest))
        {
            self.channels_last();
            self.push(Box::new(step), &rest[..taken])?;
            self.layout = Layout::Last;
            taken
        } else if let Some(activation) = Activation::of(leaf.module) {
            let len = leaf.input[1..].iter().product();
            self.push(Box::new(Activate { activation, len }), &rest[..1])?;
            1
        } else if let Some(function) = function(leaf.module) {
            let len = leaf.input[1..].iter().product();
            self.push(Box::new(Entrywise { function, len }), &rest[..1])?;
            1
        } else if let Some(taken) = self.norm(rest) {
            taken
        } else if let Some(step) = direct(leaf) {
            self.channels_first();
            self.push(Box::new(step), &rest[..1])?;
            1
        } else if let Some(layer) = any.downcast_ref::<MaxPool2d>() {
            self.channels_first();
            self.push(Box::new(MaxPool { windows: layer.windows(&leaf.input)?, channels: leaf.input[1] }), &rest[..1])?;
            1
        } else if any.is::<Flatten>() {
            // Nothing moves: the numbers of a sample lie one after the other already.
            self.channels_first();
            1
        } else {
            self.plain(rest)?
        };
        self.shape.clone_from(&rest[taken - 1].output);
        Ok(taken)
    }

    /// The first leaf as it is.
    fn plain(&mut self, rest: &[Leaf<'_, T>]) -> Result<usize> {
        self.channels_first();
        let leaf = &rest[0];
        let place = leaf.place();
        // Slices have a tape each, and buffers move by that of the whole batch.
        if leaf.module.couples_samples() || !leaf.module.buffers().is_empty() {
            self.whole(leaf, place);
            return Ok(1);
        }
        self.push(Box::new(place), &rest[..1])?;
        Ok(1)
    }

    /// A batch norm with the activation and the max-pool behind it, if the first of the leaves is one; how many that were.
    fn norm(&mut self, rest: &[Leaf<'_, T>]) -> Option<usize> {
        let leaf = &rest[0];
        let function = rest.get(1).and_then(|next| function(next.module));
        let next = 1 + usize::from(function.is_some());
        let pool = rest.get(next).and_then(apart).filter(|windows| windows.inputs() > 1);
        let taken = next + usize::from(pool.is_some());
        let (behind, shown) = (Behind { function, pool }, shown(&rest[..taken]));
        let norm = Norm::of(leaf.module, leaf.place(), behind, shown, leaf.parameters.clone())?;
        self.channels_first();
        self.end_chain(norm.sizes().1);
        self.stages.push(Stage::Norm(norm));
        Some(taken)
    }

    /// The step of a convolution with an activation and a max-pool behind it, in either order, if the kernels have it.
    fn convolution(&self, layer: &Conv2d<T>, rest: &[Leaf<'_, T>]) -> Option<(Convolution, usize)> {
        let options = &layer.options;
        let (input, output) = (&rest[0].input, &rest[0].output);
        let patch = layer.weight.len() / options.out_channels;
        // Both ways are added channels first, and exported source knows no other order there.
        let inside_around = !self.around.is_empty();
        if options.groups != 1 || patch > LONGEST_PATCH || inside_around {
            return None;
        }
        let window = |at: usize, kernel: usize, stride: usize, padding: usize, dilation: usize| {
            Axis::new(input[at], kernel, stride, padding, dilation, false)
        };
        let (k, s, p, d) = (options.kernel_size, options.stride, options.padding, options.dilation);
        let windows = Windows { h: window(2, k.h, s.h, p.h, d.h)?, w: window(3, k.w, s.w, p.w, d.w)? };
        let pool_at = |place: usize| rest.get(place).and_then(|leaf| side_by_side(leaf, &output[2..]));
        let activation_at = |place: usize| rest.get(place).and_then(|leaf| Activation::of(leaf.module));
        let (activation, pool, taken) = match (activation_at(1), pool_at(1)) {
            (Some(activation), _) => match pool_at(2) {
                Some(pool) => (Some(activation), Some(pool), 3),
                None => (Some(activation), None, 2),
            },
            (None, Some(pool)) => match activation_at(2) {
                Some(activation) => (Some(activation), Some(pool), 3),
                None => (None, Some(pool), 2),
            },
            // By itself it would be turned there and back for nothing.
            (None, None) => return None,
        };
        let block = ConvBlock::new::<T>(windows, options.in_channels, options.out_channels, pool.unwrap_or([1, 1]))?;
        let is_first = self.stages.is_empty() && self.chain.gradient_len() == 0;
        // Without a pool the way back is dense, and a matrix product is the better way through it.
        if !is_first && pool.is_none() {
            return None;
        }
        let [h, w] = block.output();
        let step = Convolution {
            activation,
            input_len: input[1..].iter().product(),
            output_len: options.out_channels * h * w,
            weights: layer.weight.len(),
            bias: options.bias,
            block,
        };
        Some((step, taken))
    }

    /// Puts a step at the end of the chain, for the leaves whose work it does.
    fn push(&mut self, step: Box<dyn Step<T>>, leaves: &[Leaf<'_, T>]) -> Result<()> {
        let rows = leaves[0].input[0].max(1) as u64;
        let mut forward = 0;
        for leaf in leaves {
            forward += flops(leaf.module, &leaf.input)?.forward / rows;
        }
        let parameters = leaves[0].parameters.start..leaves[leaves.len() - 1].parameters.end;
        let gradient = leaves.iter().map(|leaf| {
            let mut len = 0;
            leaf.module.each_parameter(&mut |parameter| len += parameter.len());
            len
        });
        self.add(step, leaves, parameters, gradient.sum(), forward);
        Ok(())
    }

    fn add(
        &mut self,
        step: Box<dyn Step<T>>,
        leaves: &[Leaf<'_, T>],
        parameters: Range<usize>,
        gradient: usize,
        flops: u64,
    ) {
        let chain = &mut self.chain;
        let (gradients, packed) = (chain.gradient_len(), chain.packed_len());
        let (input_len, output_len) = (chain.output_len, step.output_len());
        chain.output_len = output_len;
        // Forward, and the two ways back.
        chain.work += 3 * (flops + ENTRY_WORK * output_len as u64);
        chain.steps.push(Planned {
            modules: shown(leaves),
            places: leaves.iter().map(|leaf| leaf.name.clone()).collect(),
            parameters,
            gradient: gradients..gradients + gradient,
            packed: packed..packed + step.packed_len(),
            input_len,
            output_len,
            flops,
            step,
        });
    }

    /// Ends the chain; the next one begins behind a stage with so many outputs.
    fn end_chain(&mut self, outputs: usize) {
        let chain = std::mem::replace(&mut self.chain, Chain::new(outputs));
        if !chain.steps.is_empty() {
            self.stages.push(Stage::Chain(chain));
        }
    }

    /// Begins a way around what comes next.
    fn begin_around(&mut self) {
        self.channels_first();
        self.end_chain(self.chain.output_len);
        self.around.push(self.stages.len());
    }

    /// Adds what went around to what came through.
    fn join(&mut self, module: &str) {
        self.channels_first();
        let len = self.chain.output_len;
        self.end_chain(len);
        let from = self.around.pop().expect("a way around that has begun");
        self.stages.push(Stage::Join(Join { from, len, module: module.to_string() }));
    }

    /// A divided layer; at the beginning of the network with the activation and the small layer behind it, if they are there.
    /// How many leaves that were.
    fn split(&mut self, layer: &Linear<T>, rest: &[Leaf<'_, T>]) -> usize {
        let is_first = self.stages.is_empty() && self.chain.steps.is_empty();
        let mut split = Split::new(layer.options.clone(), shown(&rest[..1]), rest[0].parameters.clone(), is_first);
        let mut taken = 1;
        if is_first
            && let [_, activation, head, ..] = rest
            && let Some(function) = Activation::of(activation.module)
            && let Some(layer) = (head.module as &dyn Any).downcast_ref::<Linear<T>>()
            && Head::<T>::pays(&layer.options)
        {
            let modules = [activation, head].map(|leaf| shown(std::slice::from_ref(leaf)));
            split = split.with_head(function, layer.options.clone(), modules);
            taken = 3;
        }
        self.end_chain(split.output_len());
        self.stages.push(Stage::Split(split));
        taken
    }

    fn whole(&mut self, leaf: &Leaf<'_, T>, step: Plain) {
        let mut gradient_len = 0;
        leaf.module.each_parameter(&mut |parameter| gradient_len += parameter.len());
        let (input_len, output_len) = (step.input.iter().product(), step.output.iter().product());
        self.end_chain(output_len);
        self.stages.push(Stage::Whole(Box::new(Whole {
            step,
            module: shown(std::slice::from_ref(leaf)),
            parameters: leaf.parameters.clone(),
            gradient_len,
            input_len,
            output_len,
            room: Room::new(),
            gradient: Aligned::default(),
        })));
    }

    fn channels_first(&mut self) {
        self.turn(Layout::First);
    }

    fn channels_last(&mut self) {
        self.turn(Layout::Last);
    }

    fn turn(&mut self, to: Layout) {
        if self.layout == to {
            return;
        }
        self.layout = to;
        let (channels, pixels) = (self.shape[1], self.shape[2..].iter().product());
        // One channel, or one pixel, lies the same either way.
        if channels > 1 && pixels > 1 {
            let turn = Turn { channels, pixels, to_last: to == Layout::Last };
            self.add(Box::new(turn), &[], 0..0, 0, 0);
        }
    }
}

/// The leaves as a printed plan shows them: `0 Linear(784, 128), 1 Tanh`.
fn shown<T: Real>(leaves: &[Leaf<'_, T>]) -> String {
    let text = |leaf: &Leaf<'_, T>| match leaf.name.as_str() {
        "" => leaf.module.to_string(),
        name => format!("{name} {}", leaf.module),
    };
    leaves.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// The step of a convolution by itself, transposed or not.
fn direct<T: Real>(leaf: &Leaf<'_, T>) -> Option<Direct> {
    let any: &dyn Any = leaf.module;
    let (convolution, weights, transposed) = match (any.downcast_ref(), any.downcast_ref()) {
        (Some(layer), _) => (Conv2d::<T>::convolution(layer, &leaf.input), layer.weight.len(), false),
        (_, Some(layer)) => (ConvTranspose2d::<T>::convolution(layer, &leaf.input), layer.weight.len(), true),
        _ => return None,
    };
    Some(Direct { convolution: kernels::Convolution { images: 1, ..convolution }, weights, transposed })
}

/// The windows of a max-pool that share no pixel, and each of which holds one.
fn apart<T: Real>(leaf: &Leaf<'_, T>) -> Option<Windows> {
    let any: &dyn Any = leaf.module;
    let windows = any.downcast_ref::<MaxPool2d>()?.windows(&leaf.input).ok()?;
    let apart = |axis: &Axis| axis.dilation == 1 && axis.kernel <= axis.stride;
    (apart(&windows.h) && apart(&windows.w)).then_some(windows)
}

/// The windows (height, width) of a max-pool that cuts a plane into windows side by side.
fn side_by_side<T: Real>(leaf: &Leaf<'_, T>, plane: &[usize]) -> Option<[usize; 2]> {
    let any: &dyn Any = leaf.module;
    let options = &any.downcast_ref::<MaxPool2d>()?.options;
    let size = options.kernel_size;
    let plain = options.stride.is_none_or(|stride| stride == size)
        && (options.padding.h, options.padding.w, options.dilation.h, options.dilation.w) == (0, 0, 1, 1)
        && leaf.output[2..] == [plane[0] / size.h, plane[1] / size.w];
    plain.then_some([size.h, size.w])
}
