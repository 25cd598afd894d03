//! What a dropout drops: how many, which, and on what the choice depends.

use super::*;
use crate::container::Sequential;
use crate::{Stream, tensor};

fn mask(layer: &Dropout, x: &Tensor<f64>, tape: &mut Tape<f64>) -> Vec<f64> {
    layer.forward(x, tape);
    values(tape.kept("mask").unwrap()).to_vec()
}

#[test]
fn the_share_left_out_is_p_and_the_mean_stays() {
    let count = 100_000;
    let x = Tensor::<f64>::ones(vec![100, count / 100]);
    for p in [0.1, 0.5, 0.9] {
        let z = Dropout::new(p).forward(&x, &mut Tape::new());
        // Five standard deviations of a binomial distribution.
        let slack = 5.0 * (p * (1.0 - p) / count as f64).sqrt();
        let dropped = z.iter().filter(|&&z| z == 0.0).count() as f64 / count as f64;
        assert!((dropped - p).abs() < slack, "{dropped} of {p}");
        assert!((z.sum() / count as f64 - 1.0).abs() < slack / (1.0 - p));
    }
}

#[test]
fn nothing_and_everything_can_be_left_out() {
    let x = tensor(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(Dropout::new(0.0).forward(&x, &mut Tape::new()), x);
    assert_eq!(Dropout::new(1.0).forward(&x, &mut Tape::new()), zeros::<f64>(&[2, 3]));
}

#[test]
fn the_mask_depends_on_step_place_and_sample_and_not_on_the_slice() {
    let (layer, x) = (Dropout::new(0.5), Tensor::<f64>::ones(vec![4, 50]));
    let on = |step: u64, first: usize| {
        let mut tape = Tape::new();
        tape.set_random(&Stream::new(step), first);
        tape
    };
    let whole = mask(&layer, &x, &mut on(1, 0));
    assert_eq!(mask(&layer, &x, &mut on(1, 0)), whole);
    assert_ne!(mask(&layer, &x, &mut on(2, 0)), whole);
    let samples: Vec<&[f64]> = whole.chunks(50).collect();
    assert!(samples.iter().enumerate().all(|(i, a)| samples[..i].iter().all(|b| a != b)), "a sample's mask twice");
    // The last two samples of the batch as a slice of their own.
    let end = Tensor::<f64>::ones(vec![2, 50]);
    assert_eq!(mask(&layer, &end, &mut on(1, 2)), whole[100..]);

    // Two dropouts in a chain, one of them nested, and the second alone by its path.
    let inner = Sequential::<f64>::new().push(Dropout::new(0.0)).push(layer.clone());
    let chain = Sequential::new().push(layer.clone()).push(inner);
    let mut tape = on(1, 0);
    chain.forward(&x, &mut tape);
    let [first, second] = [&tape.children[0], &tape.children[1].children[1]].map(|t| t.kept("mask").unwrap().clone());
    assert_ne!(first, second);
    let alone = mask(&layer, &end, &mut on(1, 0).for_module(&[1, 1], 2));
    assert_eq!(alone, values(&second)[100..]);
}

#[test]
fn a_channel_is_kept_or_left_out_as_a_whole() {
    let x = Tensor::<f64>::ones(vec![8, 16, 3, 5]);
    let mut tape = Tape::new();
    let z = Dropout2d::new(0.4).forward(&x, &mut tape);
    assert_eq!(tape.kept("mask").unwrap().shape(), [8, 16, 1, 1]);
    let channels: Vec<&[f64]> = values(&z).chunks(15).collect();
    assert!(channels.iter().all(|channel| channel.iter().all(|&z| z == channel[0])));
    let dropped = channels.iter().filter(|channel| channel[0] == 0.0).count();
    // 128 draws of 0.4: 51, within five standard deviations of 5.5.
    assert!((24..79).contains(&dropped), "{dropped}");
}
