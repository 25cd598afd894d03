//! The optimisers: from gradients to new parameters; and [`Optim`], one training step with one of them.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`Rule`] | the contract of a formula: what it keeps, what it does to one parameter |
//! | [`Sgd`], [`Adam`], [`AdamW`], [`NAdam`], [`RmsProp`], [`Adagrad`], [`Adadelta`] | one formula a file |
//! | [`OptimizerDescription`] | the same as data, by PyTorch's names |
//! | [`Optimizer`] | a rule with its clock, its [`Group`]s, [`Lookahead`] and its state by parameter name |
//! | [`schedule`] | the rate as a function of the step |
//! | [`clip_grad_norm`], [`clip_grad_value`], [`add_l1`], [`constrain_max_norm`], [`Ema`] | what stands around a step |

mod adadelta;
mod adagrad;
mod adam;
mod adamw;
mod clip;
mod constraint;
mod description;
mod ema;
mod group;
mod lookahead;
mod nadam;
mod optimizer;
mod rmsprop;
mod rule;
pub mod schedule;
mod sgd;
mod state;
mod step;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use clip::{clip_grad_norm, clip_grad_value, total_norm};
pub use constraint::{add_l1, constrain_max_norm};
pub use description::{OPTIMIZERS, OptimizerDescription, RuleDescription};
pub use ema::Ema;
pub use group::Group;
pub use lookahead::Lookahead;
pub use nadam::NAdam;
pub use optimizer::Optimizer;
pub use rmsprop::RmsProp;
pub use rule::{MOST_STATES, Rule, Scalars, Settings, Step};
pub use sgd::Sgd;
pub use state::OptimizerState;
pub use step::Optim;
