//! Products of rows with packed weights, in every format, at the shapes of `SmolLM2`-135M.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tts_models::WeightFormat;
use tts_models::testing::Product;

fn products(criterion: &mut Criterion) {
    for (outputs, inputs) in [(1536, 576), (576, 1536)] {
        let mut group = criterion.benchmark_group(format!("{outputs} x {inputs}"));
        for format in [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8] {
            for rows in [1, 8, 64, 256] {
                let mut product = Product::new(format, rows, inputs, outputs, 0);
                // Two operations a multiply-add.
                group.throughput(Throughput::Elements(2 * (rows * inputs * outputs) as u64));
                let id = BenchmarkId::new(format!("{format:?}"), rows);
                group.bench_function(id, |bencher| bencher.iter(|| product.run()));
            }
        }
        group.finish();
    }
}

criterion_group!(benches, products);
criterion_main!(benches);
