//! Convolutions and poolings from their operators.

use super::operators::layer;
use super::reader::Node;
use crate::layers::{
    AvgPool2dOptions, Conv2dOptions, ConvTranspose2dOptions, MaxPool2dOptions, Pair, ZeroPad2dOptions,
};
use crate::model::{LayerDescription as Of, describe};
use crate::{Error, Module, Result, Tensor};

type Modules = Result<Vec<Box<dyn Module<f32>>>>;

/// The options that all windows have.
struct Window {
    kernel: Pair,
    stride: Pair,
    dilation: Pair,
    /// Padding before and behind the image.
    begin: Pair,
    end: Pair,
}

impl Window {
    /// Of a node whose input has a shape; `kernel` is that of the weight, where there is one.
    fn of(node: &Node<'_>, shape: &[usize], kernel: Option<&[usize]>) -> Result<Window> {
        let &[_, _, h, w] = shape else {
            return Err(node.refuse(format_args!("only images (n, c, h, w) are supported, got {} axes", shape.len())));
        };
        let kernel = match kernel {
            Some(&[h, w]) => [h, w],
            Some(other) => return Err(node.refuse(format_args!("a window of {} axes is not supported", other.len()))),
            None => node.sizes("kernel_shape", [0, 0])?,
        };
        let same = node.sizes("kernel_shape", kernel)?;
        node.must_be("kernel_shape", same, kernel)?;
        let [stride, dilation] = [node.sizes("strides", [1, 1])?, node.sizes("dilations", [1, 1])?];
        for (name, size) in [("kernel_shape", kernel), ("strides", stride), ("dilations", dilation)] {
            if size.iter().any(|size| !(1..=65_535).contains(size)) {
                return Err(
                    node.refuse(format_args!("its attribute {name} wants numbers from 1 to 65535, got {size:?}"))
                );
            }
        }
        let [mut begin, mut end] = [[0; 2]; 2];
        match node.text("auto_pad", "NOTSET")? {
            "NOTSET" => {
                let [top, left, bottom, right] = node.sizes("pads", [0; 4])?;
                (begin, end) = ([top, left], [bottom, right]);
            }
            "VALID" => {}
            same @ ("SAME_UPPER" | "SAME_LOWER") => {
                for (axis, size) in [h, w].into_iter().enumerate() {
                    let reached = (size.div_ceil(stride[axis]).max(1) - 1) * stride[axis]
                        + dilation[axis] * (kernel[axis] - 1)
                        + 1;
                    let all = reached.saturating_sub(size);
                    let less = all / 2;
                    let (before, behind) = if same == "SAME_UPPER" { (less, all - less) } else { (all - less, less) };
                    (begin[axis], end[axis]) = (before, behind);
                }
            }
            other => return Err(node.refuse(format_args!("its attribute auto_pad = {other:?} is not known"))),
        }
        if begin.iter().chain(&end).any(|&padding| padding > 65_535) {
            return Err(node.refuse("its attribute pads wants numbers up to 65535"));
        }
        let [kernel, stride, dilation, begin, end] = [kernel, stride, dilation, begin, end].map(Pair::from);
        Ok(Window { kernel, stride, dilation, begin, end })
    }

    /// The padding as a layer of its own.
    fn pad(&self, node: &Node<'_>) -> Result<Box<dyn Module<f32>>> {
        let padding = [self.begin.w, self.end.w, self.begin.h, self.end.h];
        layer(node, &Of::ZeroPad2d(ZeroPad2dOptions { padding }), Vec::new())
    }

    /// Whether the images of an output shape have as many pixels as there are windows, with the last one left out or taken in.
    fn gives(&self, input: &[usize], output: &[usize], up: bool) -> bool {
        let outputs = |input: usize, kernel: usize, stride: usize, dilation: usize, padding: usize| {
            let room = (input + padding).checked_sub(dilation * (kernel - 1) + 1)?;
            Some(1 + if up { room.div_ceil(stride) } else { room / stride })
        };
        let Window { kernel, stride, dilation, begin, end } = self;
        let h = outputs(input[2], kernel.h, stride.h, dilation.h, begin.h + end.h);
        let w = outputs(input[3], kernel.w, stride.w, dilation.w, begin.w + end.w);
        h == Some(output[2]) && w == Some(output[3])
    }
}

/// The number of groups.
fn groups(node: &Node<'_>) -> Result<usize> {
    let groups = node.int("group", 1)?;
    usize::try_from(groups).map_err(|_| node.refuse(format_args!("its attribute group = {groups} is negative")))
}

fn no_filters(node: &Node<'_>, weight: &Tensor<f32>) -> Error {
    node.refuse(format_args!("its weight wants 4 axes, got {:?}", weight.shape()))
}

pub(super) fn conv(node: &Node<'_>, shape: &[usize]) -> Modules {
    node.takes(&["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"])?;
    let (weight, bias, groups) = (node.numbers(1)?, node.maybe_numbers(2)?, groups(node)?);
    let &[out_channels, of_group, ref kernel @ ..] = weight.shape() else { return Err(no_filters(node, &weight)) };
    let window = Window::of(node, shape, Some(kernel))?;
    let apart = window.begin != window.end;
    let options = Conv2dOptions {
        in_channels: of_group.saturating_mul(groups),
        out_channels,
        kernel_size: window.kernel,
        stride: window.stride,
        padding: if apart { Pair::from(0) } else { window.begin },
        dilation: window.dilation,
        groups,
        bias: bias.is_some(),
    };
    // A number of groups that is made up would make up the size of the weight.
    if out_channels.checked_rem(groups) != Some(0) || shape[1] != options.in_channels {
        return Err(node.refuse(format_args!("its {groups} groups do not divide its channels")));
    }
    let conv = layer(node, &Of::Conv2d(options), std::iter::once(weight).chain(bias).collect())?;
    Ok(if apart { vec![window.pad(node)?, conv] } else { vec![conv] })
}

pub(super) fn conv_transpose(node: &Node<'_>, shape: &[usize]) -> Modules {
    node.takes(&["auto_pad", "dilations", "group", "kernel_shape", "output_padding", "pads", "strides"])?;
    let (weight, bias, groups) = (node.numbers(1)?, node.maybe_numbers(2)?, groups(node)?);
    node.must_be("auto_pad", node.text("auto_pad", "NOTSET")?, "NOTSET")?;
    let &[in_channels, of_group, ref kernel @ ..] = weight.shape() else { return Err(no_filters(node, &weight)) };
    let window = Window::of(node, shape, Some(kernel))?;
    if window.begin != window.end {
        return Err(node.refuse("its attribute pads must be the same on both sides"));
    }
    if in_channels.checked_rem(groups) != Some(0) || shape[1] != in_channels {
        return Err(node.refuse(format_args!("its {groups} groups do not divide its channels")));
    }
    let options = ConvTranspose2dOptions {
        in_channels,
        out_channels: of_group.saturating_mul(groups),
        kernel_size: window.kernel,
        stride: window.stride,
        padding: window.begin,
        output_padding: node.sizes("output_padding", [0, 0])?.into(),
        dilation: window.dilation,
        groups,
        bias: bias.is_some(),
    };
    Ok(vec![layer(node, &Of::ConvTranspose2d(options), std::iter::once(weight).chain(bias).collect())?])
}

pub(super) fn max_pool(node: &Node<'_>, shape: &[usize]) -> Modules {
    node.takes(&["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"])?;
    let window = Window::of(node, shape, None)?;
    let up = node.int("ceil_mode", 0)? != 0;
    let of = |ceil_mode| {
        let &Window { kernel, stride, dilation, begin, .. } = &window;
        let (kernel_size, stride, padding) = (kernel, Some(stride), begin);
        let options = MaxPool2dOptions { kernel_size, stride, padding, dilation, ceil_mode };
        layer(node, &Of::MaxPool2d(options), Vec::new())
    };
    fitting(node, shape, &window, up, of)
}

/// The pooling whose windows are those of the node.
fn fitting(
    node: &Node<'_>,
    shape: &[usize],
    window: &Window,
    up: bool,
    of: impl Fn(bool) -> Result<Box<dyn Module<f32>>>,
) -> Modules {
    if window.begin == window.end {
        return Ok(vec![of(up)?]);
    }
    for ceil_mode in [up, !up] {
        let pool = of(ceil_mode)?;
        // What a last window finds beyond the image counts for nothing, so that only the number of windows matters.
        if pool.output_shape(shape).is_ok_and(|output| window.gives(shape, &output, up)) {
            return Ok(vec![pool]);
        }
    }
    Err(node.refuse("its attribute pads differs between both sides in a way that is not supported"))
}

/// A layer and the shape of what it gives.
pub(super) type Shaped = (Box<dyn Module<f32>>, Vec<usize>);

/// The pooling that zeros which count, around the image, and a node behind them make together: what an average over windows that
/// stick out beyond them is written as. `padded` is the shape with the zeros.
pub(super) fn avg_pool_of_padded(node: &Node<'_>, padded: &[usize], pad: &dyn Module<f32>) -> Result<Option<Shaped>> {
    let Some(Of::ZeroPad2d(ZeroPad2dOptions { padding: [left, right, top, bottom] })) = describe(pad) else {
        return Ok(None);
    };
    let window = undilated(node, padded)?;
    let counted = node.int("count_include_pad", 0)? != 0 || node.int("ceil_mode", 0)? != 0;
    if counted || window.begin != Pair::from(0) || window.end == Pair::from(0) || (left, top) != (right, bottom) {
        return Ok(None);
    }
    let options = AvgPool2dOptions {
        kernel_size: window.kernel,
        stride: Some(window.stride),
        padding: [top, left].into(),
        ceil_mode: true,
        count_include_pad: true,
    };
    let Ok(pool) = layer(node, &Of::AvgPool2d(options), Vec::new()) else { return Ok(None) };
    let shape = [padded[0], padded[1], padded[2] - 2 * top, padded[3] - 2 * left];
    let Ok(output) = pool.output_shape(&shape) else { return Ok(None) };
    Ok(window.gives(padded, &output, false).then_some((pool, output)))
}

/// The windows of an average, all of whose options are known.
fn undilated(node: &Node<'_>, shape: &[usize]) -> Result<Window> {
    node.takes(&["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"])?;
    node.must_be("dilations", node.sizes("dilations", [1, 1])?, [1, 1])?;
    Window::of(node, shape, None)
}

pub(super) fn avg_pool(node: &Node<'_>, shape: &[usize]) -> Modules {
    let window = undilated(node, shape)?;
    let (up, counted) = (node.int("ceil_mode", 0)? != 0, node.int("count_include_pad", 0)? != 0);
    let pool = |padding, ceil_mode, count_include_pad| {
        let (kernel_size, stride) = (window.kernel, Some(window.stride));
        let options = AvgPool2dOptions { kernel_size, stride, padding, ceil_mode, count_include_pad };
        layer(node, &Of::AvgPool2d(options), Vec::new())
    };
    if window.begin == window.end && counted {
        return Ok(vec![pool(window.begin, up, true)?]);
    }
    if counted {
        // Zeros that count are part of the image.
        return Ok(vec![window.pad(node)?, pool(Pair::from(0), up, false)?]);
    }
    fitting(node, shape, &window, up, |ceil_mode| pool(window.begin, ceil_mode, false))
}
