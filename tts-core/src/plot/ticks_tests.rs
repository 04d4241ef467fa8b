//! Ticks by table and what holds of all of them.

use proptest::prelude::*;

use super::*;

fn labels(scale: Scale, low: f64, high: f64, most: usize) -> Vec<String> {
    ticks(scale, [low, high], most).into_iter().map(|tick| tick.label).collect()
}

#[test]
fn by_table() {
    for (scale, low, high, most, expected) in [
        (Scale::Linear, 0.0, 1.0, 6, "0 0.2 0.4 0.6 0.8 1.0"),
        (Scale::Linear, 0.0, 1.0, 11, "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0"),
        (Scale::Linear, -3.0, 21.0, 6, "0 5 10 15 20"),
        (Scale::Linear, 0.0, 20_000.0, 5, "0 5000 10000 15000 20000"),
        (Scale::Linear, 0.0, 2e6, 5, "0 5e5 1e6 1.5e6 2e6"),
        (Scale::Linear, -1e-7, 1e-7, 3, "-1e-7 0 1e-7"),
        (Scale::Log2, 0.0, 6.0, 8, "1 2 4 8 16 32 64"),
        (Scale::Log2, -0.3, 10.3, 6, "1 4 16 64 256 1024"),
        (Scale::Log2, -6.0, -4.0, 6, "2^-6 2^-5 0.0625"),
        (Scale::Log2, 17.0, 18.0, 6, "2^17 2^18"),
        (Scale::Log2, 0.1, 0.9, 6, "1.2 1.4 1.6 1.8"),
        (Scale::Log10, 0.0, 4.0, 6, "1 10 100 1000 10000"),
        (Scale::Log10, 0.0, 1.0, 6, "1 2 5 10"),
        (Scale::Log10, -2.0, -0.5, 6, "0.01 0.02 0.05 0.1 0.2"),
        (Scale::Log10, -5.0, -3.0, 6, "1e-5 1e-4 0.001"),
        (Scale::Log10, 0.0, 30.0, 4, "1 1e8 1e16 1e24"),
    ] {
        let found = labels(scale, low, high, most).join(" ");
        assert_eq!(found, expected, "{scale:?} {low} {high} {most}");
    }
}

proptest! {
    #[test]
    fn inside_in_order_and_few(
        scale in prop::sample::select(vec![Scale::Linear, Scale::Log2, Scale::Log10]),
        low in -300.0_f64..300.0,
        span in 1e-5_f64..700.0,
        shrink in -250_i32..250,
        most in 2_usize..20,
    ) {
        let factor = if scale == Scale::Linear { 10_f64.powi(shrink) } else { 1.0 };
        let ends = [low * factor, (low + span) * factor];
        prop_assume!(scale == Scale::Linear || scale.value(ends[1]).is_finite());
        let found = ticks(scale, ends, most);
        prop_assert!(found.len() <= most, "{:?}", found);
        prop_assert!(found.is_sorted_by(|a, b| a.coordinate < b.coordinate));
        let slack = 1e-8 * (ends[1] - ends[0]).max(1e-300);
        for tick in &found {
            prop_assert!(ends[0] - slack - 1e-9 <= tick.coordinate && tick.coordinate <= ends[1] + slack + 1e-9);
        }
        let mut labels: Vec<_> = found.iter().map(|tick| &tick.label).collect();
        labels.sort();
        labels.dedup();
        prop_assert_eq!(labels.len(), found.len());
    }
}
