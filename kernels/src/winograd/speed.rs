//! What the rule of [`Winograd::pays`] was read from: by tiles beside the direct way, shape by shape.

use super::Winograd;
use crate::{Axis, Convolution, Stream, Windows, level};
use std::time::Instant;

/// Images, channels in and out, pixels along a side; or those in `SHAPES`: `16x64x64x32 …`.
const SHAPES: &str = "64x64x64x32 16x128x128x16 64x256x256x8 8x256x256x8 32x32x32x16 32x16x16x32 16x24x24x16 16x33x33x16 \
    16x17x17x16 16x12x64x16 16x8x64x16 16x64x64x7 1x64x64x32 1x128x128x16 1x256x256x8 1x256x256x4 1x512x512x8 8x512x512x4";
/// Seconds for each shape, six ways.
const BUDGET: f64 = 0.3;

#[test]
#[ignore = "prints times"]
fn by_tiles_beside_the_direct_way() {
    let level = level();
    println!("{}: µs direct / by tiles of forward, input gradient, weight gradient", level.name());
    let shapes = std::env::var("SHAPES").unwrap_or_else(|_| SHAPES.into());
    for shape in shapes.split_whitespace() {
        let sizes: Vec<usize> = shape.split('x').map(|size| size.parse().expect("a size")).collect();
        let (images, inputs, outputs) = (sizes[0], sizes[1], sizes[2]);
        let axis = Axis::new(sizes[3], 3, 1, 1, 1, false).expect("a window that fits");
        let conv = Convolution { windows: Windows { h: axis, w: axis }, images, inputs, outputs, groups: 1 };
        let tiles = Winograd::of(&conv).expect("a filter of 3×3");
        let mut stream = Stream::new(1);
        let mut random = |count: usize| (0..count).map(|_| stream.uniform(-1.0, 1.0) as f32).collect::<Vec<_>>();
        let (x, delta) = (random(images * inputs * axis.input.pow(2)), random(images * outputs * axis.output.pow(2)));
        let (weight, bias) = (random(9 * inputs * outputs), random(outputs));
        let (mut z, mut result, mut gradient) = (delta.clone(), x.clone(), weight.clone());
        let mut best = [f64::INFINITY; 6];
        let (begin, mut turn) = (Instant::now(), 0);
        while turn < 24 || begin.elapsed().as_secs_f64() < BUDGET {
            let start = Instant::now();
            match turn % 6 {
                0 => conv.forward_here(level, &weight, Some(&bias), &x, &mut z),
                1 => tiles.forward(level, &weight, Some(&bias), &x, &mut z),
                2 => conv.delta_here(level, &weight, None, &delta, &mut result),
                3 => tiles.delta(level, &weight, None, &delta, &mut result),
                4 => conv.update_gradient_here(level, &x, &delta, &mut gradient),
                _ => tiles.update_gradient(level, &x, &delta, &mut gradient),
            }
            best[turn % 6] = start.elapsed().as_secs_f64().min(best[turn % 6]);
            turn += 1;
        }
        let [a, b, c, d, e, f] = best.map(|time| time * 1e6);
        let (rule, gradient_rule) = (tiles.pays(), tiles.pays() && tiles.gradient_pays());
        println!(
            "{shape:<16} {a:8.0}/{b:<8.0}{:5.2}  {c:8.0}/{d:<8.0}{:5.2}  {e:8.0}/{f:<8.0}{:5.2}  taken: {rule} {gradient_rule}",
            a / b,
            c / d,
            e / f
        );
    }
}
