use limpide::{data::*, init::*, layers::*, loss::*, optim::Sgd, train::*, *};
fn main() -> Result<()> {
    let threads: usize = std::env::args().nth(1).map_or(1, |a| a.parse().unwrap());
    let (train, test) = Mnist::Digits.load::<f32>(Some(std::path::Path::new("../shared/mnist")))?;
    let train = train.reshape_samples(&[784])?;
    let test = test.reshape_samples(&[784])?;
    let mut n = Sequential::new().push(Linear::new(784, 128)).push(Tanh).push(Linear::new(128, 10));
    initialise(&mut n, Init::REPORT, &Stream::new(1));
    Trainer::new(Sgd::new(0.01)?)
        .epochs(4)
        .batch_size(64)
        .threads(threads)
        .validation(&test)
        .on_epoch(|e, _| {
            println!("{e:?}");
            Flow::Continue
        })
        .fit(&mut n, &CrossEntropyLoss::new().reduction(Reduction::Sum), &train)?;
    Ok(())
}
