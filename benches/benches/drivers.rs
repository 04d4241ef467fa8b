//! What the drivers themselves cost, in a world where generating and judging cost next to nothing.

use criterion::{Criterion, criterion_group, criterion_main};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{Search, StepRule};
use tts_search::{BeamSearch, BestOfN};

fn drivers(criterion: &mut Criterion) {
    let world = ToyWorld { additions: 10, error: 0.2, seed: 1 };
    let oracle = Oracle { noise: 0.3, seed: 2 };
    let search = || Search::new(world).scorer(oracle).rule(StepRule::lines());
    criterion.bench_function("best-of-64, 704 nodes", |bencher| {
        let strategy = BestOfN { n: 64, ..BestOfN::default() };
        bencher.iter(|| search().run(strategy, world.prompt(0)));
    });
    criterion.bench_function("beam 8 x 8, 11 rounds", |bencher| {
        let strategy = BeamSearch { keep: 8, branch: 8, ..BeamSearch::default() };
        bencher.iter(|| search().run(strategy.clone(), world.prompt(0)));
    });
    criterion.bench_function("beam 4 x 4 on 50 problems together", |bencher| {
        let strategy = BeamSearch::default();
        bencher.iter(|| search().run_many(&strategy, (0..50).map(|i| world.prompt(i))));
    });
}

criterion_group!(benches, drivers);
criterion_main!(benches);
