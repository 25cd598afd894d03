//! The report's Figures 4 and 5: digits drawn again from their codes, and the plane of two-number codes.

use super::{Chapter, curves};
use crate::chart::axis::plain;
use crate::chart::{Cell, ColourMap, Figure, ImageGrid, LineChart, Scatter, Table, numbered};
use crate::experiments::Settings;
use crate::experiments::autoencoder::{self, Autoencoded, LATENT};
use crate::page::Section;
use limpide::{Module, Result, Tape};

/// The report's final reconstruction error on MNIST, [`autoencoder::REPORTED`] as a number.
const REPORTED: f64 = 0.051763;
/// The error that principal components leave on MNIST's test images, for the sizes of the code in [`LATENT`].
const PCA: [f64; 2] = [0.0168, 0.0557];

/// Trains both sizes of the code and draws what they keep.
pub fn chapter(settings: &Settings) -> Result<Chapter> {
    let done = autoencoder::run(settings)?;
    let [drawn, plane] = [reconstructions(&done), plane(&done)?];
    let pixels = done.digits.side * done.digits.side;
    let words = format!(
        "{}. {pixels}–128–64–code with tanh between, mirrored back with a sigmoid at the end; plain gradient descent \
         on the squared error, summed over pixels and averaged over batches of 64. A code of 32 numbers is for \
         drawing well, one of 2 for looking at.",
        done.digits.about
    );
    let mut section = Section::new("7. Digits through a bottleneck", &words).figure(
        &losses(&done),
        &format!("Mean squared error of a pixel, on a logarithmic axis. {}", curves::watched_note(&done.digits)),
    );
    if done.digits.is_whole_mnist() {
        section = section.table(&comparison(&done));
    }
    let section = section
        .figure(&drawn, "**Figure 4.** Test images above what the network draws from their codes.")
        .figure(&plane, "**Figure 5.** The test images in the plane of two-number codes, coloured by digit.");
    Ok(Chapter { outcome: done.outcome, section })
}

fn losses(done: &Autoencoded) -> Figure {
    let watched = done.digits.watched;
    let mut chart =
        done.outcome.runs.iter().fold(LineChart::new("epoch", "mean squared error").log_y(), |chart, run| {
            chart
                .series(&format!("{}, train", run.name), numbered(&run.history.train_losses()))
                .companion(watched, numbered(&run.history.validation_losses()))
        });
    if done.digits.is_whole_mnist() {
        chart = chart.reference("the report, 32 or 2: 0.0518", REPORTED);
    }
    chart.figure("autoencoder-loss", &format!("Training and {watched} error of both codes by epoch."))
}

/// Ours, the report's and principal components' errors on MNIST.
fn comparison(done: &Autoencoded) -> Table {
    let head = Table::new(
        "Test error beside principal components, the best a linear code can do, and the report's one figure, for one of both codes",
        &["Code", "Here", "Principal components", "The report"],
    );
    done.outcome.runs.iter().zip(PCA).fold(head, |table, (run, pca)| {
        let figures = [run.value_text(), plain(pca, 4), plain(REPORTED, 6)].map(Cell::number);
        table.row([run.name.as_str().into()].into_iter().chain(figures).collect())
    })
}

/// One image a digit, above it is drawn again from each code.
fn reconstructions(done: &Autoencoded) -> Figure {
    let side = done.digits.side;
    let images = done.digits.test.inputs.gather(&curves::one_of_each(&done.digits.test));
    let grid = ImageGrid::new(10, ColourMap::Grey(0.0, 1.0)).group("originals", curves::tiles(&images, side));
    let again = LATENT.iter().zip(&done.networks).fold(grid, |grid, (latent, network)| {
        let drawn = network.forward(&images, &mut Tape::off());
        grid.group(&format!("drawn again from {latent} numbers"), curves::tiles(&drawn, side))
    });
    again.figure(
        "autoencoder-reconstructions",
        "Ten digits, and below them their reconstructions from 32 and from 2 numbers.",
    )
}

fn plane(done: &Autoencoded) -> Result<Figure> {
    let at = LATENT.iter().position(|&latent| latent == 2).expect("one code has two numbers");
    let test = &done.digits.test;
    let codes = done.networks[at].encode(&test.inputs.gather(&(0..test.len()).collect::<Vec<_>>()))?;
    let labels = test.targets.labels().expect("digits have class numbers");
    let scatter = Scatter::new("latent dimension 1", "latent dimension 2").name_clouds();
    let scatter = (0..10).fold(scatter, |scatter, digit| {
        let members = (0..labels.len()).filter(|&i| labels[i] == digit);
        let points = members.map(|i| (f64::from(codes[[i, 0]]), f64::from(codes[[i, 1]]))).collect();
        scatter.class(&digit.to_string(), points)
    });
    Ok(scatter.figure("autoencoder-latent", "The test digits in the plane of the two-number code."))
}
