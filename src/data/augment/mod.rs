//! Augmentation: every epoch sees each image changed a little at random, which no network learns by heart.
//!
//! What happens to a sample is a pure function of (seed, epoch, sample), so that any thread can make any sample in any
//! order. Movements of the plane that follow each other are composed before the image is interpolated, once.

mod affine;
mod elastic;
mod erasing;
mod flip;
mod noise;
#[cfg(test)]
mod tests;

pub use affine::RandomAffine;
pub use elastic::Elastic;
pub use erasing::RandomErasing;
pub use flip::RandomHorizontalFlip;
pub use noise::GaussianNoise;

use crate::kernels::Warp;
use crate::model::with_nearest;
use crate::random::Stream;
use crate::{Error, Real, Result};
use affine::Plane;
use elastic::Field;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// What happens to an image before the network sees it: a list of steps, done in their order.
///
/// In TOML a step is one table; what is left out has the default.
///
/// | `type` | options |
/// | --- | --- |
/// | `RandomAffine` | `degrees`, `translate`, `scale`, `shear`, each a range `[low, high]` |
/// | `Elastic` | `alpha`, `sigma` |
/// | `RandomHorizontalFlip` | `p` |
/// | `RandomErasing` | `p`, `scale`, `ratio`, `value` |
/// | `GaussianNoise` | `sigma`, `clip` |
///
/// ```toml
/// [[augmentation]]
/// type = "RandomAffine"
/// degrees = [-10.0, 10.0]
///
/// [[augmentation]]
/// type = "Elastic"
/// alpha = 34.0
/// sigma = 4.0
/// ```
///
/// ```
/// use limpide::{Stream, data::augment::{Augmentation, Room}};
/// let steps: Augmentation = serde_json::from_str(r#"[{"type": "RandomHorizontalFlip", "p": 1.0}]"#)?;
/// let mut image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// steps.build([1, 2, 3])?.apply(&mut image, &Stream::new(7).at(&[3, 41]), &mut Room::default());
/// assert_eq!(image, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Augmentation {
    /// The steps, first to last.
    pub steps: Vec<Step>,
}

/// One step of an [`Augmentation`]; the field `type` names which.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
// `remote` makes serde's code a pair of functions, so that `Deserialize` below can add the nearest name to an error.
#[serde(tag = "type", remote = "Self")]
#[allow(missing_docs)] // each variant is the step it holds
pub enum Step {
    RandomAffine(RandomAffine),
    Elastic(Elastic),
    RandomHorizontalFlip(RandomHorizontalFlip),
    RandomErasing(RandomErasing),
    GaussianNoise(GaussianNoise),
}

/// The names that the field `type` of a [`Step`] can take.
pub const STEPS: [&str; 5] = ["RandomAffine", "Elastic", "RandomHorizontalFlip", "RandomErasing", "GaussianNoise"];

impl Augmentation {
    /// No step: images stay as they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// One step more, after those before.
    pub fn push(mut self, step: impl Into<Step>) -> Self {
        self.steps.push(step.into());
        self
    }

    /// The augmentation of images of a shape (c, h, w).
    ///
    /// # Errors
    /// [`Error::Option`] when an option is out of range, with the number of its step.
    pub fn build(&self, shape: [usize; 3]) -> Result<Augmenter> {
        let mut steps = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let checked = match step {
                Step::RandomAffine(affine) => affine.check(),
                Step::Elastic(elastic) => elastic.check(),
                Step::RandomHorizontalFlip(flip) => flip.check(),
                Step::RandomErasing(erasing) => erasing.check(),
                Step::GaussianNoise(noise) => noise.check(),
            };
            checked.map_err(|error| error.within(format!("augmentation step {number}")))?;
            let field = match step {
                Step::Elastic(elastic) => Some(elastic.field(shape[1], shape[2])),
                _ => None,
            };
            steps.push((step.clone(), field));
        }
        Ok(Augmenter { shape, steps })
    }
}

/// An [`Augmentation`] made ready for images of one shape.
#[derive(Clone, Debug)]
pub struct Augmenter {
    shape: [usize; 3],
    steps: Vec<(Step, Option<Field>)>,
}

/// The memory that an [`Augmenter`] works in, to be used again and again; each thread has its own.
#[derive(Clone, Debug, Default)]
pub struct Room<T> {
    warp: Warp<T>,
    numbers: Vec<f32>,
    displacements: Vec<f32>,
}

impl Augmenter {
    /// Changes an image (c, h, w) in place; `stream` is that of its seed, epoch and sample.
    ///
    /// Panics when the image has not the size that was built for.
    pub fn apply<T: Real>(&self, image: &mut [T], stream: &Stream, room: &mut Room<T>) {
        let [c, h, w] = self.shape;
        assert_eq!(image.len(), c * h * w, "an image of {c} channels, {h}×{w}");
        if image.is_empty() {
            return;
        }
        // Movements wait until something needs the moved image.
        let mut plane = Plane::STILL;
        for (number, (step, field)) in self.steps.iter().enumerate() {
            let mut stream = stream.at(&[number as u64]);
            match step {
                Step::RandomAffine(affine) => plane = plane.after(affine.draw(h, w, &mut stream)),
                Step::RandomHorizontalFlip(flip) => plane = plane.after(flip.draw(w, &mut stream)),
                Step::Elastic(_) => {
                    let field = field.as_ref().expect("made with the step");
                    let field = field.draw(&mut stream, &mut room.numbers, &mut room.displacements);
                    room.warp.apply(image, self.shape, plane.map(), Some(field));
                    plane = Plane::STILL;
                }
                Step::RandomErasing(erasing) => {
                    self.show(&mut plane, image, &mut room.warp);
                    erasing.apply(image, self.shape, &mut stream);
                }
                Step::GaussianNoise(noise) => {
                    self.show(&mut plane, image, &mut room.warp);
                    noise.apply(image, &mut stream, &mut room.numbers);
                }
            }
        }
        self.show(&mut plane, image, &mut room.warp);
    }

    /// Does the movements that wait.
    fn show<T: Real>(&self, plane: &mut Plane, image: &mut [T], warp: &mut Warp<T>) {
        if *plane != Plane::STILL {
            warp.apply(image, self.shape, plane.map(), None);
            *plane = Plane::STILL;
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        Step::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        read(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Apart and of one type, so that it is compiled here and not again for every format that a caller reads.
fn read(value: Value) -> std::result::Result<Step, String> {
    Step::deserialize(value).map_err(|error| with_nearest(&error, "augmentation", &STEPS))
}

/// A range from which a number is drawn, every one equally likely; in a description a pair, low first.
pub type Between = [f64; 2];

/// Whether a range runs from a number to one that is not smaller, both within `limits`.
fn check_range(name: &str, range: Between, limits: Between) -> Result<()> {
    if limits[0] <= range[0] && range[0] <= range[1] && range[1] <= limits[1] {
        return Ok(());
    }
    let wanted = format!("a range within {} to {}, low first", limits[0], limits[1]);
    Err(Error::option(name, wanted, format!("{range:?}")))
}

/// Whether a number is within `limits`.
fn check_number(name: &str, number: f64, limits: Between) -> Result<()> {
    if limits[0] <= number && number <= limits[1] {
        return Ok(());
    }
    Err(Error::option(name, format!("from {} to {}", limits[0], limits[1]), number))
}
