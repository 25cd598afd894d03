use super::*;
use crate::{Axis, Stream, Windows, compiled::Compiled, level};
use std::time::Instant;

fn conv(n: usize, i: usize, o: usize, side: usize, p: usize) -> Convolution {
    let axis = Axis::new(side, 3, 1, p, 1, false).unwrap();
    Convolution { windows: Windows { h: axis, w: axis }, images: n, inputs: i, outputs: o, groups: 1 }
}

#[test]
fn quick() {
    for (n, i, o, side, p) in [(3, 20, 18, 9, 1), (2, 3, 5, 6, 0), (2, 16, 33, 7, 2), (1, 1, 1, 1, 1), (1,2,2,3,0), (2,2,2,2,2)] {
        let c = conv(n, i, o, side, p);
        let w = Winograd::of(&c).unwrap();
        let mut s = Stream::new(1);
        let mut r = |n: usize| (0..n).map(|_| s.uniform(-1.0, 1.0) as f32).collect::<Vec<_>>();
        let (x, d) = (r(n * i * c.windows.inputs()), r(n * o * c.windows.outputs()));
        let (wt, b) = (r(9 * i * o), r(o));
        for level in Level::available() {
            let (mut z, mut z2) = (vec![0.0; d.len()], vec![0.0; d.len()]);
            f32::conv_forward(&c, level, &wt, Some(&b), &x, &mut z);
            w.forward(level, &wt, Some(&b), &x, &mut z2);
            let far = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let fz = far(&z, &z2);
            let (mut q, mut q2) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            f32::conv_delta(&c, level, &wt, None, &d, &mut q);
            w.delta(level, &wt, None, &d, &mut q2);
            let (mut g, mut g2) = (wt.clone(), wt.clone());
            f32::conv_gradient(&c, level, &x, &d, &mut g);
            w.update_gradient(level, &x, &d, &mut g2);
            println!("{n} {i} {o} {side} {p} {level:?} {fz:e} {:e} {:e}", far(&q, &q2), far(&g, &g2));
            assert!(fz.max(far(&q, &q2)).max(far(&g, &g2)) < 1e-4);
        }
    }
}

#[test]
#[ignore]
fn speed() {
    let level = level();
    for (n, i, o, side) in [(64, 64, 64, 32), (16, 128, 128, 16), (64, 256, 256, 8), (8, 256, 256, 8), (32, 32, 32, 16), (1, 64, 64, 32), (1,128,128,16), (1,256,256,8)] {
        let c = conv(n, i, o, side, 1);
        let w = Winograd::of(&c).unwrap();
        let mut s = Stream::new(1);
        let mut r = |n: usize| (0..n).map(|_| s.uniform(-1.0, 1.0) as f32).collect::<Vec<_>>();
        let (x, d) = (r(n * i * c.windows.inputs()), r(n * o * c.windows.outputs()));
        let (wt, b) = (r(9 * i * o), r(o));
        let (mut z, mut q, mut g) = (d.clone(), x.clone(), wt.clone());
        let mut best = [f64::INFINITY; 6];
        let begin = Instant::now();
        let mut k = 0;
        while begin.elapsed().as_secs_f64() < 0.8 || k < 18 {
            let t = Instant::now();
            match k % 6 {
                0 => f32::conv_forward(&c, level, &wt, Some(&b), &x, &mut z),
                1 => w.forward(level, &wt, Some(&b), &x, &mut z),
                2 => f32::conv_delta(&c, level, &wt, None, &d, &mut q),
                3 => w.delta(level, &wt, None, &d, &mut q),
                4 => f32::conv_gradient(&c, level, &x, &d, &mut g),
                _ => w.update_gradient(level, &x, &d, &mut g),
            }
            best[k % 6] = t.elapsed().as_secs_f64().min(best[k % 6]);
            k += 1;
        }
        let f = 2.0 * (n * i * o * side * side * 9) as f64 / 1e9;
        let us = best.map(|t| (t * 1e6) as u64);
        println!(
            "{n}x({i}->{o})x{side}: direct {:.0} {:.0} {:.0} GF; us {us:?}; gain {:.2} {:.2} {:.2}",
            f / best[0], f / best[2], f / best[4], best[0] / best[1], best[2] / best[3], best[4] / best[5]
        );
    }
}
