//! The roots of the code that is written once for all sets of instructions, compiled here for `f32` and for `f64`: a crate that
//! calls a kernel links to it, whatever that crate is optimised for.

use crate::conv_block::{Backward, ConvBlock};
use crate::math::Function;
use crate::pool;
use crate::sparse::{Nonzeros, Sparse};
use crate::winograd::ByTiles;
use crate::{ByteRows, Convolution, Level, Matrix, MatrixMut, Quotients, Windows, peak};

/// A type of numbers that this crate has code for.
#[allow(missing_docs)] // each is a public function of this crate, which says what it does
pub trait Compiled: Sized {
    fn apply(function: Function, level: Level, x: &[Self], y: &mut [Self]);
    fn quotients(level: Level, divisor: Self) -> Quotients<Self>;
    fn divide(quotients: &Quotients<Self>, bytes: &[u8], numbers: &mut [Self]);
    fn peak(level: Level, threads: usize) -> f64;
    fn conv_forward(
        conv: &Convolution,
        level: Level,
        weight: &[Self],
        bias: Option<&[Self]>,
        x: &[Self],
        z: &mut [Self],
    );
    fn conv_gradient(conv: &Convolution, level: Level, x: &[Self], delta: &[Self], gradient: &mut [Self]);
    fn conv_delta(
        conv: &Convolution,
        level: Level,
        weight: &[Self],
        bias: Option<&[Self]>,
        delta: &[Self],
        result: &mut [Self],
    );
    fn block_forward(block: &ConvBlock, padded: &[Self], packed: &[Self], z: &mut [Self], at: &mut [u8]);
    fn block_backward(block: &ConvBlock, image: Backward<'_, Self>, masks: &mut [u64]);
    fn max_pool(x: &[Self], windows: &Windows, z: &mut [Self], indices: &mut [u32]);
    fn mark(x: &[Self], columns: usize, words: &mut [u64]) -> usize;
    fn mark_bytes(x: &ByteRows<'_, Self>, first: usize, words: &mut [u64]) -> usize;
    fn sparse_forward(nonzeros: &Nonzeros, x: Sparse<'_, Self>, w: &[Self], bias: &[Self], z: MatrixMut<'_, Self>);
    fn sparse_gradient(nonzeros: &Nonzeros, x: Sparse<'_, Self>, delta: Matrix<'_, Self>, gradient: &mut [Self]);
}

macro_rules! compile {
    ($number:ty) => {
        impl Compiled for $number {
            fn apply(function: Function, level: Level, x: &[Self], y: &mut [Self]) {
                function.apply_here(level, x, y);
            }
            fn quotients(level: Level, divisor: Self) -> Quotients<Self> {
                Quotients::new_here(level, divisor)
            }
            fn divide(quotients: &Quotients<Self>, bytes: &[u8], numbers: &mut [Self]) {
                quotients.of_here(bytes, numbers);
            }
            fn peak(level: Level, threads: usize) -> f64 {
                peak::peak_here::<Self>(level, threads)
            }
            fn conv_forward(
                conv: &Convolution,
                level: Level,
                weight: &[Self],
                bias: Option<&[Self]>,
                x: &[Self],
                z: &mut [Self],
            ) {
                if !Self::forward_by_tiles(conv, level, weight, bias, x, z) {
                    conv.forward_here(level, weight, bias, x, z);
                }
            }
            fn conv_gradient(conv: &Convolution, level: Level, x: &[Self], delta: &[Self], gradient: &mut [Self]) {
                if !Self::gradient_by_tiles(conv, level, x, delta, gradient) {
                    conv.update_gradient_here(level, x, delta, gradient);
                }
            }
            fn conv_delta(
                conv: &Convolution,
                level: Level,
                weight: &[Self],
                bias: Option<&[Self]>,
                delta: &[Self],
                result: &mut [Self],
            ) {
                if !Self::delta_by_tiles(conv, level, weight, bias, delta, result) {
                    conv.delta_here(level, weight, bias, delta, result);
                }
            }
            fn block_forward(block: &ConvBlock, padded: &[Self], packed: &[Self], z: &mut [Self], at: &mut [u8]) {
                block.forward_here(padded, packed, z, at);
            }
            fn block_backward(block: &ConvBlock, image: Backward<'_, Self>, masks: &mut [u64]) {
                block.backward_here(image, masks);
            }
            fn max_pool(x: &[Self], windows: &Windows, z: &mut [Self], indices: &mut [u32]) {
                pool::max_pool_here(x, windows, z, indices);
            }
            fn mark(x: &[Self], columns: usize, words: &mut [u64]) -> usize {
                Nonzeros::mark_here(x, columns, words)
            }
            fn mark_bytes(x: &ByteRows<'_, Self>, first: usize, words: &mut [u64]) -> usize {
                Nonzeros::mark_bytes_here(x, first, words)
            }
            fn sparse_forward(
                nonzeros: &Nonzeros,
                x: Sparse<'_, Self>,
                w: &[Self],
                bias: &[Self],
                z: MatrixMut<'_, Self>,
            ) {
                nonzeros.forward_here(x, w, bias, z);
            }
            fn sparse_gradient(
                nonzeros: &Nonzeros,
                x: Sparse<'_, Self>,
                delta: Matrix<'_, Self>,
                gradient: &mut [Self],
            ) {
                nonzeros.gradient_here(x, delta, gradient);
            }
        }
    };
}

compile!(f32);
compile!(f64);
