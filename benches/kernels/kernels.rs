//! `cargo bench -p limpide-benches`: the kernels one by one. divan's table has times and speeds (GFLOP/s stand there as Gitem/s); a second one
//! holds the fastest run of each against the peak, or the plain copy, that this machine reaches in the same run.

mod elementwise;
mod layers;
mod predict;
mod products;
mod tally;

fn main() {
    divan::main();
    tally::print();
}
