//! Augmentation against movements made by hand.

use super::*;

fn applied<T: Real>(steps: &Augmentation, shape: [usize; 3], image: &[T], stream: &Stream) -> Vec<T> {
    let mut image = image.to_vec();
    steps.build(shape).unwrap().apply(&mut image, stream, &mut Room::default());
    image
}

fn numbers(count: usize) -> Vec<f32> {
    let mut stream = Stream::new(1);
    (0..count).map(|_| stream.unit() as f32).collect()
}

/// Every step with options under which nothing changes.
fn idle() -> Augmentation {
    Augmentation::new()
        .push(RandomAffine::new())
        .push(Elastic::new(0.0, 4.0))
        .push(RandomHorizontalFlip::new(0.0))
        .push(RandomErasing::new().p(0.0))
        .push(GaussianNoise::new(0.0))
}

fn busy() -> Augmentation {
    Augmentation::new()
        .push(RandomAffine::new().degrees(-15.0, 15.0).translate(-0.1, 0.1).scale(0.9, 1.1).shear(-10.0, 10.0))
        .push(RandomHorizontalFlip::new(0.5))
        .push(Elastic::default())
        .push(RandomErasing::new())
        .push(GaussianNoise::new(0.05))
}

#[test]
fn identity_leaves_every_bit() {
    for shape in [[1, 28, 28], [3, 5, 9], [2, 1, 1], [1, 0, 3]] {
        let image = numbers(shape.iter().product());
        assert_eq!(applied(&idle(), shape, &image, &Stream::new(5)), image);
        assert_eq!(applied(&Augmentation::new(), shape, &image, &Stream::new(5)), image);
    }
}

/// Holds one step against the new pixel (x, y) of a channel, as looked up by hand in the old one; `None` is black.
fn moves(step: impl Into<Step>, [h, w]: [usize; 2], source: impl Fn(i64, i64) -> Option<(i64, i64)>) {
    let image = numbers(2 * h * w);
    let got = applied(&Augmentation::new().push(step), [2, h, w], &image, &Stream::new(1));
    for c in 0..2 {
        for y in 0..h {
            for x in 0..w {
                let want = match source(x as i64, y as i64) {
                    Some((x, y)) if (0..w as i64).contains(&x) && (0..h as i64).contains(&y) => {
                        image[(c * h + y as usize) * w + x as usize]
                    }
                    _ => 0.0,
                };
                let got = got[(c * h + y) * w + x];
                assert!((got - want).abs() < 1e-5, "{h}×{w}: ({x}, {y}) is {got}, wanted {want}");
            }
        }
    }
}

#[test]
fn a_shift_by_whole_pixels_is_the_shift_by_hand_to_the_bit() {
    for (h, w, part) in [(4usize, 8usize, 0.25), (4, 8, -0.5), (3, 6, 1.0 / 3.0), (28, 28, 2.0 / 28.0), (2, 4, 1.0)] {
        let (down, right) = ((part * h as f64) as i64, (part * w as f64) as i64);
        let step = RandomAffine::new().translate(part, part);
        moves(step, [h, w], |x, y| Some((x - right, y - down)));
        // Pixels that stay inside have their bits.
        let image = numbers(h * w);
        let got = applied(&Augmentation::new().push(step), [1, h, w], &image, &Stream::new(1));
        assert!(got.iter().all(|x| *x == 0.0 || image.contains(x)));
    }
}

#[test]
fn quarter_turns_are_those_by_hand() {
    for n in [1i64, 4, 7, 28] {
        let size = [n as usize; 2];
        moves(RandomAffine::new().degrees(90.0, 90.0), size, |x, y| Some((y, n - 1 - x)));
        moves(RandomAffine::new().degrees(180.0, 180.0), size, |x, y| Some((n - 1 - x, n - 1 - y)));
        moves(RandomAffine::new().degrees(-90.0, -90.0), size, |x, y| Some((n - 1 - y, x)));
    }
    // About the middle (2, 1) of an image that is not square.
    moves(RandomAffine::new().degrees(90.0, 90.0), [3, 5], |x, y| Some((2 + (y - 1), 1 - (x - 2))));
}

#[test]
fn shear_scale_and_flip_are_those_by_hand() {
    moves(RandomAffine::new().shear(45.0, 45.0), [5, 7], |x, y| Some((x + (y - 2), y)));
    // A third of the size: every third pixel from the middle.
    let third = 1.0 / 3.0;
    moves(RandomAffine::new().scale(third, third), [9, 9], |x, y| Some((4 + 3 * (x - 4), 4 + 3 * (y - 4))));
    moves(RandomHorizontalFlip::new(1.0), [3, 4], |x, y| Some((3 - x, y)));
    // Twice the size: between pixels their mean.
    let double = Augmentation::new().push(RandomAffine::new().scale(2.0, 2.0));
    let got = applied(&double, [1, 1, 5], &[1.0f64, 2.0, 4.0, 8.0, 16.0], &Stream::new(1));
    assert_eq!(got, [2.0, 3.0, 4.0, 6.0, 8.0]);
}

#[test]
fn movements_are_composed_in_their_order() {
    // Two to the right and then exchanged, or exchanged and then two to the right.
    let shift = RandomAffine::new().translate(0.25, 0.25);
    let flip = RandomHorizontalFlip::new(1.0);
    let image: Vec<f32> = (1..=8).map(|x| x as f32).collect();
    let run = |steps: Augmentation| applied(&steps, [1, 1, 8], &image, &Stream::new(1));
    // A height of 1 has a quarter of a row of shift along y, too.
    let fade = |x: f32| 0.75 * x;
    let want = |row: [f32; 8]| row.map(fade).to_vec();
    assert_eq!(run(Augmentation::new().push(shift).push(flip)), want([6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0, 0.0]));
    assert_eq!(run(Augmentation::new().push(flip).push(shift)), want([0.0, 0.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0]));
    // An elastic step shows what has waited before it.
    let still = Augmentation::new().push(shift).push(Elastic::new(0.0, 2.0)).push(flip);
    assert_eq!(run(still), want([6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0, 0.0]));
}

/// The displacements along x and along y at every pixel of an image, for many draws.
fn displacements(elastic: Elastic, h: usize, w: usize, draws: u64) -> Vec<Vec<f32>> {
    let field = elastic.field(h, w);
    let stream = Stream::new(2);
    (0..draws).map(|i| field.draw(&mut stream.at(&[i]), &mut vec![], &mut vec![]).to_vec()).collect()
}

/// The mean of the products of two places' displacements.
fn product(draws: &[Vec<f32>], a: usize, b: usize) -> f64 {
    draws.iter().map(|draw| f64::from(draw[a]) * f64::from(draw[b])).sum::<f64>() / draws.len() as f64
}

#[test]
fn elastic_displacements_have_simards_strength_and_smoothness() {
    let draws = displacements(Elastic::default(), 28, 24, 4_000);
    // Σ G² = 1 / 4πσ², times α² and the variance ⅓ of a number from −1 to 1.
    let want = 34.0f64.powi(2) / (4.0 * std::f64::consts::PI * 16.0) / 3.0;
    let place = |axis: usize, y: usize, x: usize| (axis * 28 + y) * 24 + x;
    // In the middle, at a border, in a corner; the variance of a mean square of 4,000 is some 2 / 4,000 of it.
    for (y, x) in [(14, 12), (0, 9), (27, 23), (5, 0)] {
        for axis in 0..2 {
            let at = place(axis, y, x);
            let ratio = product(&draws, at, at) / want;
            assert!((ratio - 1.0).abs() < 5.0 * (2.0f64 / 4_000.0).sqrt(), "({x}, {y}): {ratio} of the variance");
        }
        assert!((product(&draws, place(0, y, x), place(1, y, x)) / want).abs() < 5.0 / 4_000.0f64.sqrt());
    }
    // Correlation e^(−d²/4σ²), across and down, near the border too.
    for ((y, x), (v, u)) in [((14, 12), (14, 16)), ((14, 12), (20, 12)), ((0, 0), (4, 4)), ((3, 2), (15, 2))] {
        let square = (y as f64 - v as f64).powi(2) + (x as f64 - u as f64).powi(2);
        let got = product(&draws, place(0, y, x), place(0, v, u)) / want;
        assert!((got - (-square / 64.0).exp()).abs() < 5.0 * (2.0f64 / 4_000.0).sqrt(), "({x}, {y}): {got}");
    }
}

#[test]
fn elastic_strength_is_that_of_a_number_a_pixel() {
    // A σ under a pixel: the Gaussian at whole pixels, whose weights are summed here one by one.
    let g: Vec<f64> = (-5..=5).map(|d: i32| (-(d * d) as f64 / (2.0 * 0.49)).exp()).collect();
    let squares = g.iter().map(|g| g * g).sum::<f64>() / g.iter().sum::<f64>().powi(2);
    let draws = displacements(Elastic::new(3.0, 0.7), 6, 6, 4_000);
    let ratio = product(&draws, 14, 14) / (9.0 * squares * squares / 3.0);
    assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
}

#[test]
fn samples_come_out_the_same_in_any_order_and_room() {
    let augmenter = busy().build([1, 28, 28]).unwrap();
    let image = numbers(28 * 28);
    let epoch = Stream::new(3).at(&[7]);
    let run = |sample: u64, room: &mut Room<f32>| {
        let mut image = image.clone();
        augmenter.apply(&mut image, &epoch.at(&[sample]), room);
        image
    };
    let alone: Vec<_> = (0..20).map(|sample| run(sample, &mut Room::default())).collect();
    let mut room = Room::default();
    for sample in (0..20).rev() {
        assert_eq!(run(sample, &mut room), alone[sample as usize]);
    }
    assert_ne!(alone[0], alone[1]);
    // In f64 the same happens to the image.
    let wide: Vec<f64> = image.iter().map(|&x| f64::from(x)).collect();
    let wide = applied(&busy(), [1, 28, 28], &wide, &epoch.at(&[4]));
    assert!(wide.iter().zip(&alone[4]).all(|(a, &b)| (a - f64::from(b)).abs() < 1e-5));
}

#[test]
fn erasing_takes_one_rectangle_of_the_size_asked() {
    let erasing = RandomErasing::new().p(0.7).scale(0.1, 0.2).ratio(0.5, 2.0).value(-1.0);
    let image = numbers(2 * 30 * 40);
    let mut erased = 0;
    for sample in 0..2_000 {
        let got = applied(&Augmentation::new().push(erasing), [2, 30, 40], &image, &Stream::new(sample));
        let gone: Vec<usize> = (0..1200).filter(|&at| got[at] == -1.0).collect();
        assert!((0..2400).all(|at| got[at] == if gone.contains(&(at % 1200)) { -1.0 } else { image[at] }));
        let (Some(first), Some(last)) = (gone.first(), gone.last()) else { continue };
        erased += 1;
        let (height, width) = (last / 40 - first / 40 + 1, last % 40 - first % 40 + 1);
        assert_eq!(height * width, gone.len(), "a rectangle");
        // Both sides are rounded to whole pixels.
        let (height, width) = (height as f64, width as f64);
        assert!((height - 0.5) * (width - 0.5) <= 240.0 && (height + 0.5) * (width + 0.5) >= 120.0);
        assert!((height - 0.5) / (width + 0.5) <= 2.0 && (height + 0.5) / (width - 0.5) >= 0.5);
    }
    // 5 standard deviations.
    assert!((erased as f64 - 1400.0).abs() < 5.0 * (2_000.0f64 * 0.7 * 0.3).sqrt(), "{erased}");
}

#[test]
fn noise_has_its_deviation_and_stays_inside() {
    let image = vec![0.5f64; 40_000];
    let noise =
        |noise: GaussianNoise| applied(&Augmentation::new().push(noise), [1, 200, 200], &image, &Stream::new(1));
    let square = noise(GaussianNoise::new(0.1).clip(false)).iter().map(|x| (x - 0.5).powi(2)).sum::<f64>() / 40_000.0;
    assert!((square / 0.01 - 1.0).abs() < 5.0 * (2.0f64 / 40_000.0).sqrt(), "{square}");
    let clipped = noise(GaussianNoise::new(1.0));
    assert!(clipped.iter().all(|x| (0.0..=1.0).contains(x)) && clipped.contains(&0.0) && clipped.contains(&1.0));
}

#[test]
fn a_description_survives_and_names_what_is_wrong() {
    let text = serde_json::to_string(&busy()).unwrap();
    assert_eq!(serde_json::from_str::<Augmentation>(&text).unwrap(), busy());
    for name in STEPS {
        assert!(serde_json::from_str::<Step>(&format!(r#"{{"type": "{name}"}}"#)).is_ok(), "{name}");
    }
    let refusal = |text: &str| serde_json::from_str::<Augmentation>(text).unwrap_err().to_string();
    let error = refusal(r#"[{"type": "RandomAfine"}]"#);
    assert!(error.contains("did you mean `RandomAffine`"), "{error}");
    assert!(refusal(r#"[{"type": "Elastic", "sgima": 3.0}]"#).contains("`sigma`"));
    for (step, want) in [
        (
            Step::from(RandomAffine::new().scale(1.1, 0.9)),
            "augmentation step 1: RandomAffine: scale must be a range within 0.01 to 100, low first, got [1.1, 0.9]",
        ),
        (
            RandomAffine::new().degrees(f64::NAN, 1.0).into(),
            "augmentation step 1: RandomAffine: degrees must be a range within -360 to 360, low first, got [NaN, 1.0]",
        ),
        (Elastic::new(1.0, 0.0).into(), "augmentation step 1: Elastic: sigma must be from 0.1 to 1000, got 0"),
        (RandomErasing::new().p(1.5).into(), "augmentation step 1: RandomErasing: p must be from 0 to 1, got 1.5"),
        (
            RandomHorizontalFlip::new(-0.5).into(),
            "augmentation step 1: RandomHorizontalFlip: p must be from 0 to 1, got -0.5",
        ),
    ] {
        let error = Augmentation::new().push(Elastic::default()).push(step).build([1, 2, 2]).unwrap_err();
        assert_eq!(error.to_string(), want);
    }
}
