//! The drawing room: plain numbers in, SVG drawings and PNG pixels out.
//!
//! [`mod@line`], [`scatter`], [`boundary`], [`confusion`] and [`images`] each make one kind of [`Figure`]; the rest is what
//! they share. Nothing here knows about networks.

pub mod axis;
pub mod boundary;
pub mod confusion;
pub mod contour;
pub mod figure;
pub mod frame;
pub mod images;
pub mod line;
pub mod marker;
pub mod png;
pub mod scatter;
pub mod svg;
pub mod table;
pub mod theme;

#[cfg(test)]
pub mod check;

pub use axis::{count, digits};
pub use boundary::{Boundary, Grid};
pub use confusion::Confusion;
pub use figure::Figure;
pub use images::{ColourMap, ImageGrid, Tile};
pub use line::{LineChart, numbered};
pub use scatter::Scatter;
pub use table::{Cell, Table};
