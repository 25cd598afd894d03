//! A module as it is, for everything that a plan has no step of its own for.

use super::step::{Backward, Pass, Room, Step};
use crate::module::Module;
use crate::tensor::{dense, values, values_mut};
use crate::{AutoEncoder, Real, Residual, Sequential, tensor, zeros};
use std::any::Any;

/// One module of the network, called through its verbs.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    /// The way to the module from the network down: its number in each container.
    pub path: Vec<usize>,
    /// Shapes of one sample.
    pub input: Vec<usize>,
    pub output: Vec<usize>,
}

/// The modules of a container that a plan looks into.
pub(super) fn inside<T: Real>(module: &dyn Module<T>) -> Option<&[Box<dyn Module<T>>]> {
    let any: &dyn Any = module;
    let chain = any.downcast_ref::<Sequential<T>>();
    let chain = chain.or_else(|| any.downcast_ref::<AutoEncoder<T>>().map(AutoEncoder::chain));
    chain.or_else(|| any.downcast_ref::<Residual<T>>().map(Residual::chain)).map(Sequential::modules)
}

impl Plain {
    /// The module.
    pub fn find<'a, T: Real>(&self, network: &'a dyn Module<T>) -> &'a dyn Module<T> {
        let step = |module, &place: &usize| inside(module).expect("the container that was planned")[place].as_ref();
        self.path.iter().fold(network, step)
    }

    /// The module, to write to.
    pub fn find_mut<'a, T: Real>(&self, network: &'a mut dyn Module<T>) -> &'a mut dyn Module<T> {
        let mut module = network;
        for &place in &self.path {
            module = inside_mut(module).expect("the container that was planned")[place].as_mut();
        }
        module
    }
}

/// [`inside`], to write to.
fn inside_mut<T: Real>(module: &mut dyn Module<T>) -> Option<&mut [Box<dyn Module<T>>]> {
    let any: &mut dyn Any = module;
    if any.is::<Sequential<T>>() {
        return any.downcast_mut::<Sequential<T>>().map(Sequential::modules_mut);
    }
    if any.is::<AutoEncoder<T>>() {
        return any.downcast_mut::<AutoEncoder<T>>().map(|both| both.chain_mut().modules_mut());
    }
    any.downcast_mut::<Residual<T>>().map(|around| around.chain_mut().modules_mut())
}

/// A batch's shape from a sample's.
fn batch(rows: usize, sample: &[usize]) -> Vec<usize> {
    [&[rows], sample].concat()
}

impl<T: Real> Step<T> for Plain {
    fn name(&self) -> &'static str {
        "module"
    }

    fn output_len(&self) -> usize {
        self.output.iter().product()
    }

    fn forward(&self, pass: &Pass<'_, T>, x: &[T], z: &mut [T], room: &mut Room<T>) {
        let x = tensor(&batch(pass.rows.len(), &self.input), x.to_vec());
        // A new tape, since tensors that an old one still shares would be copied when they are written to.
        room.tape = pass.tape.for_module(&self.path, pass.rows.start);
        let output = self.find(pass.network).forward(&x, &mut room.tape);
        let wanted = batch(pass.rows.len(), &self.output);
        let (module, got) = (self.find(pass.network), output.shape());
        assert_eq!(
            got, wanted,
            "layer {:?}, {module}: the shape that forward gave, and that output_shape said",
            self.path
        );
        z.copy_from_slice(values(&dense(&output)));
    }

    fn backward(&self, pass: &Pass<'_, T>, io: Backward<'_, T>, gradient: &mut [T], room: &mut Room<T>) {
        let module = self.find(pass.network);
        let delta = tensor(&batch(pass.rows.len(), &self.output), io.dz.to_vec());
        if room.gradients.is_empty() {
            module.each_parameter(&mut |parameter| room.gradients.push(zeros(parameter.shape())));
        }
        room.gradients.iter_mut().for_each(|gradient| values_mut(gradient).fill(T::zero()));
        match io.dx {
            Some(dx) => {
                let result = module.backward(&mut room.tape, &delta, &mut room.gradients);
                dx.copy_from_slice(values(&dense(&result)));
            }
            None => module.backward_update_gradient(&mut room.tape, &delta, &mut room.gradients),
        }
        let mut rest = gradient;
        for own in &room.gradients {
            let (to, behind) = rest.split_at_mut(own.len());
            to.copy_from_slice(values(own));
            rest = behind;
        }
    }
}
