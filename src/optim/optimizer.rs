//! An optimiser: a rule with its clock, its rate of the moment, its groups and its state by parameter name.

use super::lookahead::Lookahead;
use super::rule::{self, MOST_STATES, Rule, Scalars, Settings, Step};
use super::{Group, OptimizerState};
use crate::kernels::Workers;
use crate::module::{Gradients, Module};
use crate::tensor::{shape_text, values, values_mut};
use crate::{Error, Real, Result, Tensor, tensor};
use std::fmt;
use std::sync::Mutex;

/// Entries that one task of a divided step moves.
const CHUNK: usize = 16 * 1024;
/// With fewer parameters than this a step is not worth a second thread.
const SMALL: usize = 4 * CHUNK;

/// Moves the parameters of one network along their gradients, by the rule that it was made from.
///
/// It has one clock, advanced once a step, and keeps its state by parameter name. Every entry is moved on its own, so a step
/// has the same bits on any number of threads.
///
/// ```
/// use limpide::{Gradients, Module, kernels::Workers, layers::Linear, optim::{Optimizer, Sgd}};
/// let mut layer = Linear::<f32>::new(2, 1);
/// let gradients = Gradients::zeros_for(&layer);
/// let mut optimizer = Optimizer::from(Sgd::new(0.1)?.momentum(0.9));
/// optimizer.step(&mut layer, &gradients, &mut Workers::new(1))?;
/// let state = optimizer.state();
/// assert_eq!(state.clock, 1);
/// assert_eq!(state.tensors[1].0, "bias.momentum_buffer");
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct Optimizer<T: Real> {
    rule: Box<dyn Rule<T>>,
    groups: Vec<Group>,
    lookahead: Option<Lookahead>,
    /// Rate, momentum and decay of the next step.
    settings: Settings,
    clock: u64,
    carried: f64,
    /// The scalars of the step for each group, and last for the parameters in none.
    scalars: Vec<Scalars>,
    slots: Vec<Slot<T>>,
}

/// What is kept for one parameter.
#[derive(Debug)]
struct Slot<T> {
    name: String,
    shape: Vec<usize>,
    /// The place of its scalars.
    group: usize,
    /// The rule's states, then lookahead's.
    states: Vec<Vec<T>>,
}

impl<T: Real> Optimizer<T> {
    /// An optimiser by that rule, all parameters in one group. The library's own rules convert with `From` too.
    pub fn new(rule: impl Rule<T>) -> Self {
        Self::from_boxed(Box::new(rule))
    }

    pub(super) fn from_boxed(rule: Box<dyn Rule<T>>) -> Self {
        let settings = rule.settings();
        let (groups, scalars, slots) = (Vec::new(), Vec::new(), Vec::new());
        Optimizer { rule, groups, lookahead: None, settings, clock: 0, carried: 1.0, scalars, slots }
    }

    /// Treats the parameters of a group in its own way. The first group that a parameter fits counts.
    pub fn group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// Pulls the parameters back towards slow ones every few steps; see [`Lookahead`].
    pub fn lookahead(mut self, lookahead: Lookahead) -> Self {
        self.lookahead = Some(lookahead);
        self
    }

    /// Whether every hyper-parameter is in its range.
    ///
    /// # Errors
    /// [`Error::Option`] with the range and why.
    pub fn check(&self) -> Result<()> {
        self.rule.check()?;
        let states = self.rule.states().len();
        if states > MOST_STATES {
            let name = format!("{}: the number of states", self.rule);
            return Err(Error::option(name, format!("at most {MOST_STATES}"), states));
        }
        self.groups.iter().try_for_each(Group::check)?;
        self.lookahead.iter().try_for_each(Lookahead::check)
    }

    /// Makes ready for a network. [`Optimizer::step`] does so when nobody has; nothing changes when it is ready for such a
    /// network already.
    ///
    /// # Errors
    /// [`Error::Option`] for a hyper-parameter out of range or a group without parameters; [`Error::State`] when the state is
    /// that of another network.
    pub fn prepare(&mut self, network: &dyn Module<T>) -> Result<()> {
        let fresh = self.slots_for(network)?;
        if self.slots.is_empty() {
            self.slots = fresh;
            return Ok(());
        }
        let named = |slots: &[Slot<T>]| -> Vec<String> {
            slots.iter().map(|slot| format!("{} {}", slot.name, shape_text(&slot.shape))).collect()
        };
        let (own, given) = (named(&self.slots), named(&fresh));
        if own == given {
            return Ok(());
        }
        let differences = format!("it is for {}, the network has {}", own.join(", "), given.join(", "));
        Err(Error::State { of: self.to_string(), differences })
    }

    /// [`Optimizer::prepare`] when nobody has.
    pub(crate) fn ready(&mut self, network: &dyn Module<T>) -> Result<()> {
        if self.slots.is_empty() { self.prepare(network) } else { Ok(()) }
    }

    /// Whether a parameter, by its place, is one of a group that never moves.
    pub(super) fn is_frozen(&self, place: usize) -> bool {
        self.slots.get(place).and_then(|slot| self.groups.get(slot.group)).is_some_and(|group| group.lr_factor == 0.0)
    }

    /// [`Optimizer::check`], and whether every group has a parameter of a network.
    pub(crate) fn check_for(&self, network: &dyn Module<T>) -> Result<()> {
        self.check()?;
        let parameters = network.parameters();
        let empty = |group: &&Group| !parameters.iter().any(|(name, value)| group.matches(name, value.ndim()));
        if let Some(group) = self.groups.iter().find(empty) {
            let names: Vec<_> =
                parameters.iter().map(|(name, p)| format!("{name} {}", shape_text(p.shape()))).collect();
            let wanted = format!("of parameters that are there, which are {}", names.join(", "));
            return Err(Error::option(format!("{}: a group", self.rule), wanted, group));
        }
        Ok(())
    }

    /// What is kept for each parameter of a network before the first step.
    fn slots_for(&self, network: &dyn Module<T>) -> Result<Vec<Slot<T>>> {
        self.check_for(network)?;
        let groups = &self.groups;
        let place = |name: &str, rank| groups.iter().position(|group| group.matches(name, rank));
        let (count, start) = (self.rule.states().len(), T::of(self.rule.initial_state()));
        let slot = |(name, value): (String, &Tensor<T>)| {
            let mut states = vec![vec![start; value.len()]; count];
            // Slow weights start where the fast ones do.
            states.extend(self.lookahead.map(|_| value.iter().copied().collect()));
            let group = place(&name, value.ndim()).unwrap_or(groups.len());
            Slot { name, shape: value.shape().to_vec(), group, states }
        };
        Ok(network.parameters().into_iter().map(slot).collect())
    }

    /// One step: reads the gradients, moves the parameters.
    ///
    /// # Errors
    /// Those of [`Optimizer::prepare`] in the first step; [`Error::State`] for gradients of another network. Nothing has
    /// moved then.
    ///
    /// Panics when a later network has other parameters.
    pub fn step(&mut self, network: &mut dyn Module<T>, gradients: &Gradients<T>, workers: &mut Workers) -> Result<()> {
        T::step(self, network, gradients, workers)
    }

    pub(crate) fn step_here(
        &mut self,
        network: &mut dyn Module<T>,
        gradients: &Gradients<T>,
        workers: &mut Workers,
    ) -> Result<()> {
        self.ready(network)?;
        let parameters = network.parameters_mut();
        let same = |p: &&mut Tensor<T>, g: &Tensor<T>| p.shape() == g.shape();
        if parameters.len() != gradients.len() || !parameters.iter().zip(&**gradients).all(|(p, g)| same(p, g)) {
            let differences = "the gradients are not those of this network (`Gradients::zeros_for` makes them)".into();
            return Err(Error::State { of: self.to_string(), differences });
        }
        self.step_slices(parameters.into_iter().zip(&**gradients).map(|(p, g)| (values_mut(p), values(g))), workers);
        Ok(())
    }

    /// One step on parameters and their gradients wherever they lie, in the order of the network that the optimiser was
    /// prepared for. It allocates nothing unless it is divided between threads.
    ///
    /// Panics when their number or lengths are not those of that network.
    pub fn step_slices<'a>(&mut self, parameters: impl Iterator<Item = (&'a mut [T], &'a [T])>, workers: &mut Workers) {
        self.begin();
        self.move_slices(parameters, |_| false, workers);
    }

    /// Moves parameters in the step that has begun, but for those at the places that `moved` knows.
    pub(crate) fn move_slices<'a>(
        &mut self,
        parameters: impl Iterator<Item = (&'a mut [T], &'a [T])>,
        moved: impl Fn(usize) -> bool,
        workers: &mut Workers,
    ) {
        let mover = Mover { rule: self.rule.as_ref(), own: self.own_states(), pull: self.pull() };
        let total: usize = self.slots.iter().map(Slot::len).sum();
        let divided = workers.threads() > 1 && total >= SMALL;
        let mut parts = Vec::new();
        let mut slots = self.slots.iter_mut();
        for (place, (parameter, gradient)) in parameters.enumerate() {
            let slot = slots.next().filter(|slot| slot.len() == parameter.len());
            let slot = slot.unwrap_or_else(|| panic!("{}: step on parameters of another network", self.rule));
            if moved(place) {
                continue;
            }
            let mut part = slot.part(&self.scalars, parameter);
            if !divided {
                mover.run(&mut part, gradient);
                continue;
            }
            for gradient in gradient.chunks(CHUNK) {
                parts.push(Mutex::new((part.split_off(gradient.len()), gradient)));
            }
        }
        assert!(slots.next().is_none(), "{}: step on parameters of another network", self.rule);
        workers.run(parts.len(), &|task| {
            let (part, gradient) = &mut *parts[task].lock().expect("no other task takes this part");
            mover.run(part, gradient);
        });
    }

    /// One parameter in the step that has begun, to be moved in stretches of these lengths, which may be done at the same time.
    pub(crate) fn stretches<'a>(
        &'a mut self,
        place: usize,
        parameter: &'a mut [T],
        lengths: impl Iterator<Item = usize>,
    ) -> Vec<Stretch<'a, T>> {
        let mover = Mover { rule: self.rule.as_ref(), own: self.own_states(), pull: self.pull() };
        let mut part = self.slots[place].part(&self.scalars, parameter);
        lengths.map(|length| Stretch { mover, part: part.split_off(length) }).collect()
    }

    /// Begins a step, in which every parameter is to be moved once: moves the clock on and works out the scalars of each group.
    pub(crate) fn begin(&mut self) {
        self.clock += 1;
        let Settings { lr, momentum, weight_decay } = self.settings;
        let step =
            Step { clock: self.clock, lr, momentum: momentum.unwrap_or(0.0), weight_decay, carried: self.carried };
        self.scalars.clear();
        for group in &self.groups {
            let weight_decay = group.weight_decay.unwrap_or(weight_decay);
            self.scalars.push(self.rule.scalars(&Step { lr: lr * group.lr_factor, weight_decay, ..step }));
        }
        self.scalars.push(self.rule.scalars(&step));
        self.carried = self.rule.carry(&step);
    }

    /// How many of a parameter's states are the rule's.
    fn own_states(&self) -> usize {
        self.slots.first().map_or(0, |slot| slot.states.len() - usize::from(self.lookahead.is_some()))
    }

    /// The pull that belongs to the step that has begun.
    fn pull(&self) -> Option<Lookahead> {
        self.lookahead.filter(|lookahead| lookahead.pulls_at(self.clock))
    }

    /// Steps taken.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// η of the next step.
    pub fn learning_rate(&self) -> f64 {
        self.settings.lr
    }

    /// Sets η of the next steps.
    ///
    /// # Errors
    /// [`Error::Option`] when it is negative or not finite.
    pub fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        rule::at_least_0("the learning rate", rate, "a negative rate climbs")?;
        self.settings.lr = rate;
        Ok(())
    }

    /// Momentum, or β₁ of the Adam family, of the next step; none when the rule has no such thing.
    pub fn momentum(&self) -> Option<f64> {
        self.settings.momentum
    }

    /// Sets momentum, or β₁ of the Adam family, of the next steps.
    ///
    /// # Errors
    /// [`Error::Option`] when it is not from 0 to below 1, or the rule has no momentum.
    pub fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        if self.settings.momentum.is_none() {
            return Err(Error::option(
                format!("{self}: momentum"),
                "left alone, as it has none to begin with",
                momentum,
            ));
        }
        rule::below_1("the momentum", momentum, "at 1 a velocity never fades")?;
        self.settings.momentum = Some(momentum);
        Ok(())
    }

    /// What the optimiser remembers. Without tensors before it is prepared for a network.
    pub fn state(&self) -> OptimizerState<T> {
        let numbers =
            [("lr", Some(self.settings.lr)), ("momentum", self.settings.momentum), ("carried", Some(self.carried))];
        let numbers = numbers.into_iter().filter_map(|(name, number)| Some((name.to_string(), number?))).collect();
        let names = self.state_names();
        let of_slot = |slot: &Slot<T>| {
            let named =
                |(name, state): (&&str, &Vec<T>)| (format!("{}.{name}", slot.name), tensor(&slot.shape, state.clone()));
            names.iter().zip(&slot.states).map(named).collect::<Vec<_>>()
        };
        OptimizerState { clock: self.clock, numbers, tensors: self.slots.iter().flat_map(of_slot).collect() }
    }

    /// Goes on from a state of the same rule on the same network: the next steps have the bits that they would have had.
    ///
    /// # Errors
    /// [`Error::State`] with every name and shape that differs; nothing has changed then. Those of [`Optimizer::prepare`].
    pub fn load_state(&mut self, network: &dyn Module<T>, state: &OptimizerState<T>) -> Result<()> {
        T::load_state(self, network, state)
    }

    pub(crate) fn load_state_here(&mut self, network: &dyn Module<T>, state: &OptimizerState<T>) -> Result<()> {
        let mut slots = self.slots_for(network)?;
        let names = self.state_names();
        let wanted: Vec<(String, &[usize])> = slots
            .iter()
            .flat_map(|slot| names.iter().map(|name| (format!("{}.{name}", slot.name), slot.shape.as_slice())))
            .collect();
        let numbers = self.state().numbers;
        state.expect(&numbers, &wanted).map_err(|differences| Error::State { of: self.to_string(), differences })?;
        for (name, tensor) in &state.tensors {
            let find = |slot: &mut Slot<T>| {
                let own = name.strip_prefix(&slot.name)?.strip_prefix('.')?;
                names.iter().position(|name| *name == own)
            };
            for slot in &mut slots {
                if let Some(place) = find(slot) {
                    slot.states[place] = tensor.iter().copied().collect();
                }
            }
        }
        self.slots = slots;
        self.clock = state.clock;
        self.carried = state.numbers["carried"];
        self.settings.lr = state.numbers["lr"];
        self.settings.momentum = state.numbers.get("momentum").copied();
        Ok(())
    }

    /// The names of what is kept for each parameter.
    fn state_names(&self) -> Vec<&'static str> {
        let mut names = self.rule.states();
        names.extend(self.lookahead.map(|_| "slow"));
        names
    }
}

impl<T> Slot<T> {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The whole parameter with what belongs to it.
    fn part<'a>(&'a mut self, scalars: &'a [Scalars], parameter: &'a mut [T]) -> Part<'a, T> {
        let mut states: [&mut [T]; ROOM] = Default::default();
        states.iter_mut().zip(&mut self.states).for_each(|(place, state)| *place = state);
        Part { scalars: &scalars[self.group], parameter, states }
    }
}

/// The states that fit into a [`Part`]: a rule's and lookahead's.
const ROOM: usize = MOST_STATES + 1;

/// A parameter, or a stretch of one, with what belongs to it.
struct Part<'a, T> {
    scalars: &'a Scalars,
    parameter: &'a mut [T],
    /// Empty beyond those that there are.
    states: [&'a mut [T]; ROOM],
}

impl<'a, T> Part<'a, T> {
    /// Takes away the first entries, as a part of their own.
    fn split_off(&mut self, count: usize) -> Part<'a, T> {
        let first = |rest: &mut &'a mut [T]| rest.split_off_mut(..count).unwrap_or_default();
        Part { scalars: self.scalars, parameter: first(&mut self.parameter), states: self.states.each_mut().map(first) }
    }
}

/// How a step moves any part.
#[derive(Clone, Copy)]
struct Mover<'a, T> {
    rule: &'a dyn Rule<T>,
    pull: Option<Lookahead>,
    /// How many states are the rule's.
    own: usize,
}

impl<T: Real> Mover<'_, T> {
    fn run(&self, part: &mut Part<'_, T>, gradient: &[T]) {
        let (own, rest) = part.states.split_at_mut(self.own);
        self.rule.update(part.scalars, part.parameter, gradient, own);
        if let Some(lookahead) = self.pull {
            lookahead.pull(part.parameter, rest[0]);
        }
    }
}

/// Neighbouring entries of a parameter, to be moved by whoever has their gradients first.
pub(crate) struct Stretch<'a, T> {
    mover: Mover<'a, T>,
    part: Part<'a, T>,
}

impl<T: Real> Stretch<'_, T> {
    /// The entries that have not been moved.
    pub fn rest(&self) -> &[T] {
        self.part.parameter
    }

    /// Moves as many of the entries as there are gradients, those after the ones that have been moved.
    pub fn step(&mut self, gradient: &[T]) {
        self.mover.run(&mut self.part.split_off(gradient.len()), gradient);
    }
}

impl<T: Real> fmt::Display for Optimizer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rule)?;
        self.groups.iter().try_for_each(|group| write!(f, ".group({group})"))?;
        self.lookahead.map_or(Ok(()), |lookahead| write!(f, ".lookahead({lookahead})"))
    }
}
