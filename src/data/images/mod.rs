//! Image files: PNG and JPEG as pixels, folders of them as data sets in memory or, when they are large, on disk.
//!
//! An image is taken as one sees it: a photo that lies on its side, as phones keep them, is turned as its EXIF says.
//!
//! A file is outside input: its size is looked at before any memory is taken for its pixels, and what is wrong with it is told
//! with its name.

mod exif;
mod folder;
mod header;
mod load;
mod picture;
mod resize;

pub use folder::{ImageFile, ImageFolder, image_files};
pub use header::{ImageHeader, image_header};
pub use load::{Color, ImageOptions, ImageSet, Survey, image_sample, load_images, survey};
pub use picture::{MAX_FILE_BYTES, MAX_PIXELS, Picture, decode};
pub use resize::fitted;

#[cfg(test)]
mod tests;
