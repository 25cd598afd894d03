//! Sizes per axis of an image, and the window that convolutions and poolings slide over it.

use crate::kernels::{Axis, Windows};
use crate::{Error, Result};
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;

/// A size for each axis of an image. Made from one number for both, `3`, or from `[height, width]`; written the same way.
///
/// ```
/// use limpide::layers::Pair;
/// assert_eq!(Pair::from(3), Pair::from([3, 3]));
/// assert_eq!(Pair::from([3, 5]).to_string(), "[3, 5]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Down the rows.
    pub h: usize,
    /// Along a row.
    pub w: usize,
}

impl Pair {
    /// Serde's default for steps.
    pub(super) fn ones() -> Self {
        Pair::from(1)
    }

    /// Serde's default for paddings.
    pub(super) fn zeros() -> Self {
        Pair::from(0)
    }
}

impl From<usize> for Pair {
    fn from(size: usize) -> Self {
        Pair { h: size, w: size }
    }
}

impl From<[usize; 2]> for Pair {
    fn from([h, w]: [usize; 2]) -> Self {
        Pair { h, w }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.h == self.w { write!(f, "{}", self.h) } else { write!(f, "[{}, {}]", self.h, self.w) }
    }
}

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        [self.h, self.w].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct OneOrTwo;
        impl<'de> Visitor<'de> for OneOrTwo {
            type Value = Pair;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a size from 0 up, or a pair of them: [height, width]")
            }
            fn visit_u64<E: serde::de::Error>(self, size: u64) -> std::result::Result<Pair, E> {
                let fits = usize::try_from(size);
                fits.map(Pair::from).map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(size), &self))
            }
            fn visit_i64<E: serde::de::Error>(self, size: i64) -> std::result::Result<Pair, E> {
                let fits = usize::try_from(size);
                fits.map(Pair::from).map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(size), &self))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sizes: A) -> std::result::Result<Pair, A::Error> {
                let h = sizes.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let w = sizes.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                match sizes.next_element::<usize>()? {
                    None => Ok(Pair { h, w }),
                    Some(_) => Err(A::Error::invalid_length(3, &self)),
                }
            }
        }
        deserializer.deserialize_any(OneOrTwo)
    }
}

/// A window with its steps, before it meets an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub kernel_size: Pair,
    pub stride: Pair,
    pub padding: Pair,
    pub dilation: Pair,
    pub ceil_mode: bool,
}

impl Window {
    /// Larger sizes than this are mistakes, and their products would not fit a number.
    const LARGEST: usize = 65_535;

    /// Whether every size is in its range.
    pub fn check(&self, layer: &str) -> Result<()> {
        let sizes = [
            ("kernel_size", self.kernel_size, 1),
            ("stride", self.stride, 1),
            ("padding", self.padding, 0),
            ("dilation", self.dilation, 1),
        ];
        for (name, size, least) in sizes {
            if [size.h, size.w].iter().any(|size| !(least..=Self::LARGEST).contains(size)) {
                let wanted = format!("from {least} to {}", Self::LARGEST);
                return Err(Error::option(format!("{layer}: {name}"), wanted, size));
            }
        }
        Ok(())
    }

    /// For poolings: whether every window can touch the image.
    pub fn check_padding(&self, layer: &str) -> Result<()> {
        let half = |kernel: usize, dilation: usize| (dilation * (kernel - 1)).div_ceil(2);
        let most = Pair { h: half(self.kernel_size.h, self.dilation.h), w: half(self.kernel_size.w, self.dilation.w) };
        if self.padding.h > most.h || self.padding.w > most.w {
            let wanted = format!("at most half the window, {most}");
            return Err(Error::option(format!("{layer}: padding"), wanted, self.padding));
        }
        Ok(())
    }

    /// The window over an input (n, channels, h, w), of any number of channels unless there is to be one.
    pub fn over(&self, layer: &impl fmt::Display, channels: Option<usize>, input: &[usize]) -> Result<Windows> {
        let Window { kernel_size, stride, padding, dilation, ceil_mode } = *self;
        let wrong = |sizes: String| {
            let channels = channels.map_or("c".to_string(), |channels| channels.to_string());
            Error::shape(layer, format!("(n, {channels}, h, w){sizes}"), input)
        };
        let &[_, c, h, w] = input else { return Err(wrong(String::new())) };
        if channels.is_some_and(|channels| channels != c) {
            return Err(wrong(String::new()));
        }
        let along_h = Axis::new(h, kernel_size.h, stride.h, padding.h, dilation.h, ceil_mode);
        let along_w = Axis::new(w, kernel_size.w, stride.w, padding.w, dilation.w, ceil_mode);
        match (along_h, along_w) {
            (Some(h), Some(w)) => Ok(Windows { h, w }),
            _ => {
                let h = Axis::smallest_input(kernel_size.h, stride.h, padding.h, dilation.h, ceil_mode);
                let w = Axis::smallest_input(kernel_size.w, stride.w, padding.w, dilation.w, ceil_mode);
                Err(wrong(format!(" with h ≥ {h} and w ≥ {w}")))
            }
        }
    }
}

/// Whether the channels of a convolution can be divided into its groups.
pub(super) fn check_channels(layer: &str, groups: usize, in_channels: usize, out_channels: usize) -> Result<()> {
    if groups == 0 {
        return Err(Error::option(format!("{layer}: groups"), "at least 1", 0));
    }
    for (name, channels) in [("in_channels", in_channels), ("out_channels", out_channels)] {
        if channels == 0 || !channels.is_multiple_of(groups) {
            let wanted = match groups {
                1 => "at least 1".to_string(),
                groups => format!("a multiple of groups, {groups}"),
            };
            return Err(Error::option(format!("{layer}: {name}"), wanted, channels));
        }
    }
    Ok(())
}

/// Whether a weight's size is a number that fits.
pub(super) fn check_weight(layer: &str, shape: &[usize]) -> Result<()> {
    let count = shape.iter().copied().try_fold(1, usize::checked_mul);
    match count.filter(|&count| count <= u32::MAX as usize) {
        Some(_) => Ok(()),
        None => {
            let found = crate::tensor::shape_text(shape);
            Err(Error::option(format!("{layer}: the weight's size"), format!("at most {} numbers", u32::MAX), found))
        }
    }
}

/// Writes `.name(pair)` unless the pair is the default: a builder's call, for `Display`.
pub(super) fn write_call(f: &mut fmt::Formatter<'_>, name: &str, pair: Pair, default: Pair) -> fmt::Result {
    if pair == default { Ok(()) } else { write!(f, ".{name}({pair})") }
}
