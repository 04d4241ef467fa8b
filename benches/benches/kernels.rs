//! Products of rows with packed weights, in every format, at the shapes of `SmolLM2`-135M.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tts_models::WeightFormat;
use tts_models::testing::Product;
use tts_models::weights::Dtype;

fn products(criterion: &mut Criterion) {
    for (outputs, inputs) in [(1536, 576), (576, 1536)] {
        let mut group = criterion.benchmark_group(format!("{outputs} x {inputs}"));
        let mut measure = |name: &str, rows: usize, mut product: Product| {
            // Two operations a multiply-add.
            group.throughput(Throughput::Elements(2 * (rows * inputs * outputs) as u64));
            let id = BenchmarkId::new(name, rows);
            group.bench_function(id, |bencher| bencher.iter(|| product.run()));
        };
        for rows in [1, 8, 64, 256] {
            for format in [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8] {
                let product = Product::new(format, rows, inputs, outputs, 0);
                measure(&format!("{format:?}"), rows, product);
            }
            for dtype in [Dtype::Q4_0, Dtype::Q4_1] {
                let product = Product::stored(dtype, rows, inputs, outputs, 0);
                measure(&dtype.to_string(), rows, product);
            }
        }
        group.finish();
    }
}

criterion_group!(benches, products);
criterion_main!(benches);
