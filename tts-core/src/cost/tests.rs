#![expect(clippy::float_cmp, reason = "counts are whole numbers, which f64 holds exactly")]
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts")]

use proptest::prelude::*;

use super::*;
use crate::toy::Sample;
use crate::{Expand, NodeId, SearchStrategy, View, seed};

fn shape() -> ModelShape {
    ModelShape {
        layer_parameters: 100_000_000,
        head_parameters: 28_000_000,
        layers: 30,
        hidden: 576,
        query_width: 576,
        vocabulary: 49_152,
        layer_bytes: 60_000_000,
        head_bytes: 17_000_000,
        embedding_bytes: 0,
        token_bytes: 23_040,
        experts: None,
        windows: None,
    }
}

/// Keeps one path of `n`, a step at a time.
struct Greedy {
    n: usize,
    rounds: u32,
}

impl SearchStrategy for Greedy {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        self.rounds += 1;
        let open = view.ranked(&view.open(), crate::Aggregate::Last);
        open.first().map(|&node| Expand::step(node, self.n)).into_iter().collect()
    }
}

/// Passes row by row, from their definition.
fn counted(lines: u64, shared: u64, own: u64, tokens: u64) -> (f64, f64) {
    let (mut attended, mut read) = (0, 0);
    for token in 0..tokens {
        attended += lines * (shared + own + token + 1);
        read += shared + lines * (own + token + 1);
    }
    (attended as f64, read as f64)
}

/// The head is read by passes that draw a token, not by all that read a prompt.
#[test]
fn passes_that_draw_nothing_leave_the_head_alone() {
    let shape = ModelShape { head_bytes: 10, layer_bytes: 100, ..ModelShape::default() };
    let bytes = |passes: Passes| passes.work(&shape).weight_bytes;
    let three = Passes::prefill(0, 30, 10);
    assert!((bytes(three) - 310.0).abs() < 1e-9);
    assert!((bytes(three + Passes::decode(4, 30, 0, 2)) - 550.0).abs() < 1e-9);
    assert!((bytes(Passes { drawn: 0.0, ..three }) - 300.0).abs() < 1e-9);
}

/// Four lines and the prompt before them keep ten tokens each in layers with windows.
#[test]
fn forecasts_know_what_windows_let_go_of() {
    let windows = Some(WindowShape { tokens: 10, bytes: 23_000, ..WindowShape::default() });
    let (whole, policy) = (shape(), ModelShape { windows, ..shape() });
    let planner = |policy| Planner { policy, prompt_tokens: 100, ..Planner::default() };
    let bytes = |policy| planner(policy).forecast(Sample { n: 4 }, None).unwrap().key_value_bytes;
    let tokens = 100 + 4 * 8 * 32;
    assert_eq!(bytes(whole), tokens * 23_040);
    assert_eq!(bytes(policy), tokens * 40 + 5 * 10 * 23_000);
    // Sequences that are shorter than their windows keep all they have.
    assert_eq!(policy.key_value_bytes(30, 3), whole.key_value_bytes(30, 3));
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<ModelShape>(&json).unwrap(), policy);
    assert!(!serde_json::to_string(&whole).unwrap().contains("windows"));
}

/// Ten of thirty layers see 16 tokens.
fn windowed() -> ModelShape {
    let windows = Some(WindowShape { tokens: 46, bytes: 7_680, layers: 10, seen: 16 });
    ModelShape { layers: 30, windows, ..shape() }
}

/// A forecast's passes in layers with windows, by hand: four lines share 100 tokens.
#[test]
fn forecasts_know_what_windows_show() {
    let planner = Planner { policy: windowed(), prompt_tokens: 100, ..Planner::default() };
    let forecast = planner.forecast(Sample { n: 4 }, Some(&machine())).unwrap();
    let solution = 8 * 32;
    let sum = windowed().prefill(0, 99, 256) + windowed().decode(4, 100, 0, solution);
    assert_eq!(forecast.written, Passes { drawn: sum.drawn - 1.0, ..sum });
    let near = forecast.written.near.unwrap();
    // The last 16 tokens of each, and of the shared ones 15 down to none.
    assert_eq!(near.attended, 99.0 * 16.0 - 120.0 + 4.0 * 16.0 * 256.0);
    assert_eq!(near.read, 99.0 + 120.0 + 4.0 * (16.0 * 256.0 - 120.0));
    let cost = windowed().cost();
    assert!(forecast.cost.flops >= 4.0 * cost.flops(100, solution));
    let whole = Planner { policy: shape(), ..planner };
    let [few, all] = [planner, whole].map(|p| p.forecast(Sample { n: 4 }, Some(&machine())));
    let (few, all) = (few.unwrap(), all.unwrap());
    let law = machine();
    let rate = |shape: &ModelShape| law.decode_rate(shape, 64, 0, 8_000);
    let one = windowed().decode(64, 0, 8_000, 1);
    assert_eq!(rate(&windowed()), 64.0 / law.seconds(&windowed(), &one));
    assert!(rate(&windowed()) > rate(&ModelShape { windows: None, ..windowed() }));
    assert!(few.cost.flops < all.cost.flops && few.seconds.unwrap() < all.seconds.unwrap());
}

/// A judge with windows reads what they show of the tokens before a step, once for all steps together.
#[test]
fn a_judge_with_windows_reads_less() {
    let planner = Planner {
        policy: shape(),
        judge: Judge::Model(windowed()),
        prompt_tokens: 40,
        step_tokens: 5,
        steps: 3,
        ..Planner::default()
    };
    let judged = planner.forecast(Greedy { n: 4, rounds: 0 }, None).unwrap().judged;
    let near = judged.near.unwrap();
    // The prompt, and in three rounds four steps of five tokens, all of which see 16.
    assert_eq!(near.attended, (40.0 * 16.0 - 120.0) + 3.0 * 4.0 * 5.0 * 16.0);
    // Of four steps' windows 60 tokens would be read before them, of which there are 40, 45 and 50.
    assert_eq!(near.read, 40.0 + (40.0 + 20.0) + (45.0 + 20.0) + (50.0 + 20.0));
    assert_eq!(judged.rows, 40.0 + 60.0);
}

/// Windows that nobody tells the layers of cost what all layers cost, and several models keep the widest.
#[test]
fn windows_of_costs() {
    let unknown = WindowShape { tokens: 46, bytes: 7_680, ..WindowShape::default() };
    let before = ModelShape { windows: Some(unknown), ..shape() };
    assert_eq!(before.cost(), shape().cost());
    assert_eq!(before.decode(2, 30, 4, 9), Passes::decode(2, 30, 4, 9));
    let plain = serde_json::to_string(&shape().cost()).unwrap();
    assert!(!plain.contains("windows"), "{plain}");
    let [a, b] = [(16, 10), (64, 3)].map(|(tokens, width)| ModelCost {
        parameters: 7,
        layers: 4,
        query_width: 5,
        windows: Some(WindowCost { tokens, width }),
    });
    assert_eq!(
        ModelCost::together([a, ModelCost { windows: None, ..a }]).flops(99, 7),
        a.flops(99, 7) + ModelCost { windows: None, ..a }.flops(99, 7)
    );
    let both = ModelCost::together([a, b]);
    assert_eq!(both.windows, Some(WindowCost { tokens: 64, width: 13 }));
    assert!(both.flops(99, 7) > a.flops(99, 7) + b.flops(99, 7));
}

/// A mixture is read by the rows of each pass: a long prompt in two passes makes those of one line no dearer.
#[test]
fn a_forecast_reads_experts_by_the_passes_of_a_kind() {
    let experts = Some(ExpertShape { count: 128, used: 8, bytes: 1 << 30 });
    let policy = ModelShape { layer_bytes: 1 << 30, experts, ..ModelShape::default() };
    let planner = Planner { policy, prompt_tokens: 512, ..Planner::default() };
    // Reading weights is all that takes time.
    let mut machine = machine();
    machine.sharpness = 1.0;
    let work = planner.policy.prefill(0, 511, 256).work(&policy)
        + planner.policy.decode(1, 512, 0, 256).work(&policy);
    let forecast = planner.forecast(Sample { n: 1 }, Some(&machine)).unwrap();
    let expected = machine.seconds_of(&work);
    let found = forecast.seconds.unwrap();
    assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
    assert!(machine.seconds(&policy, &forecast.written) > 1.5 * found);
}

/// One row reads the experts that it goes to, many rows read nearly all; memory holds all.
#[test]
fn experts_are_read_by_the_rows_that_go_to_them() {
    let experts = Some(ExpertShape { count: 8, used: 2, bytes: 800 });
    let shape = ModelShape { layer_bytes: 1_000, experts, ..ModelShape::default() };
    let bytes = |passes: Passes| passes.work(&shape).weight_bytes;
    assert!((bytes(Passes::decode(1, 0, 0, 5)) - 5.0 * 400.0).abs() < 1e-9);
    let two = 200.0 + 800.0 * (1.0 - 0.75 * 0.75);
    assert!((bytes(Passes::decode(2, 0, 0, 1)) - two).abs() < 1e-9);
    assert!((bytes(Passes::prefill(0, 512, 256)) - 2_000.0).abs() < 1e-3);
    assert_eq!(bytes(Passes::default()), 0.0);
    assert_eq!(shape.memory(0, 1), 1_000);
    let json = serde_json::to_string(&shape).unwrap();
    assert_eq!(serde_json::from_str::<ModelShape>(&json).unwrap(), shape);
    // Shapes of before are as they were.
    let plain = serde_json::to_string(&self::shape()).unwrap();
    assert!(!plain.contains("experts"));
    assert_eq!(serde_json::from_str::<ModelShape>(&plain).unwrap(), self::shape());
}

#[test]
fn a_quarter_is_held_back_and_no_more_than_256_tokens() {
    for (tokens, reserve) in [(3, 0), (100, 25), (1_024, 256), (1_027, 256), (9_000, 256)] {
        assert_eq!(Budget::tokens(tokens).reserve, reserve, "{tokens}");
    }
}

#[test]
fn what_costs_exactly_as_much_is_within_the_limits() {
    let planner = Planner { policy: shape(), ..Planner::default() };
    let law = Roofline::default();
    let forecast = planner.forecast(Sample { n: 4 }, Some(&law)).unwrap();
    let (seconds, flops) = (forecast.seconds.unwrap(), forecast.cost.flops);
    let bytes = forecast.key_value_bytes;
    let limits =
        Limits { seconds: Some(seconds), flops: Some(flops), key_value_bytes: Some(bytes) };
    assert!(limits.hold(&forecast));
    assert!(!Limits { seconds: Some(seconds * 0.999), ..limits }.hold(&forecast));
    assert!(!Limits { flops: Some(flops * 0.999), ..limits }.hold(&forecast));
    assert!(!Limits { key_value_bytes: Some(bytes - 1), ..limits }.hold(&forecast));
}

proptest! {
    #[test]
    fn decoding_counts_what_its_rows_see(
        lines in 1_u64..9, shared in 0_u64..40, own in 0_u64..40, tokens in 0_u64..20,
    ) {
        let passes = Passes::decode(lines, shared, own, tokens);
        let (attended, read) = counted(lines, shared, own, tokens);
        prop_assert_eq!(passes.attended, attended);
        prop_assert_eq!(passes.read, read);
        prop_assert_eq!(passes.rows, (lines * tokens) as f64);
    }

    #[test]
    fn prefill_counts_what_its_chunks_see(
        context in 0_u64..50, tokens in 0_u64..50, chunk in 1_u64..20,
    ) {
        let passes = Passes::prefill(context, tokens, chunk);
        let (mut count, mut read, mut at) = (0.0, 0.0, 0);
        while at < tokens {
            at = (at + chunk).min(tokens);
            count += 1.0;
            read += (context + at) as f64;
        }
        let attended: u64 = (0..tokens).map(|token| context + token + 1).sum();
        prop_assert_eq!((passes.count, passes.read), (count, read));
        prop_assert_eq!(passes.attended, attended as f64);
    }

    /// Against a loop over rows and passes; a window that shows everything changes no bit.
    #[test]
    fn windows_show_the_last_tokens(
        context in 0_u64..50, tokens in 0_u64..50, chunk in 1_u64..20,
        lines in 1_u64..9, own in 0_u64..40, seen in 1_u64..40,
    ) {
        let window = |seen| ModelShape {
            windows: Some(WindowShape { tokens: seen, bytes: 100, layers: 2, seen }),
            ..shape()
        };
        let near = window(seen).prefill(context, tokens, chunk).near.unwrap();
        let (mut read, mut at) = (0, 0);
        while at < tokens {
            let next = (at + chunk).min(tokens);
            read += (context + next).min(next - at + seen - 1);
            at = next;
        }
        let attended: u64 = (1..=tokens).map(|token| (context + token).min(seen)).sum();
        prop_assert_eq!((near.attended, near.read), (attended as f64, read as f64));

        let near = window(seen).decode(lines, context, own, tokens).near.unwrap();
        let line = |token: u64| (context + own + token).min(seen);
        let alone = |token: u64| (own + token).min(seen);
        let attended: u64 = (1..=tokens).map(|token| lines * line(token)).sum();
        let read: u64 = (1..=tokens)
            .map(|token| line(token) - alone(token) + lines * alone(token))
            .sum();
        prop_assert_eq!((near.attended, near.read), (attended as f64, read as f64));

        let cost = window(seen).cost();
        let each: f64 = (0..tokens).map(|token| cost.flops(context + token, 1)).sum();
        let plain = shape().cost().flops(context, tokens);
        prop_assert!((cost.flops(context, tokens) - each).abs() <= 1e-12 * plain);
        let gone: u64 = (1..=tokens).map(|token| (context + token).saturating_sub(seen)).sum();
        let less = plain - 4.0 * 2.0 * shape().query_width as f64 * gone as f64;
        prop_assert!((cost.flops(context, tokens) - less).abs() <= 1e-12 * plain);

        let wide = window(1_000);
        prop_assert_eq!(wide.cost().flops(context, tokens), plain);
        let [a, b] = [wide, shape()].map(|shape| shape.decode(lines, context, own, tokens).work(&shape));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn operations_are_those_that_budgets_count(context in 0_u64..1_000, tokens in 1_u64..300) {
        let passes = Passes { drawn: tokens as f64, ..Passes::prefill(context, tokens, 64) };
        let flops = passes.work(&shape()).flops();
        let counted = shape().cost().flops(context, tokens);
        prop_assert!((flops / counted - 1.0).abs() < 1e-12, "{} against {}", flops, counted);
    }

    /// More of anything never takes less time.
    #[test]
    fn time_grows_with_work(
        lines in 1_u64..64, shared in 0_u64..4_000, own in 0_u64..1_000, more in 1_u64..100,
    ) {
        let law = Roofline::default();
        let time = |lines, shared, own| law.seconds(&shape(), &Passes::decode(lines, shared, own, 1));
        let now = time(lines, shared, own);
        prop_assert!(time(lines + more, shared, own) > now);
        prop_assert!(time(lines, shared + more, own) > now);
        prop_assert!(time(lines, shared, own + more) > now);
    }
}

/// Passes of models of four sizes over contexts and lines.
fn grid() -> Vec<Work> {
    let mut all = Vec::new();
    for size in [1.0, 10.0, 135.0, 360.0] {
        let scale = |n: u64| (n as f64 * size / 135.0).ceil() as u64;
        let base = shape();
        let shape = ModelShape {
            layer_parameters: scale(base.layer_parameters),
            head_parameters: scale(base.head_parameters),
            layer_bytes: scale(base.layer_bytes),
            head_bytes: scale(base.head_bytes),
            embedding_bytes: scale(base.embedding_bytes),
            token_bytes: scale(base.token_bytes),
            query_width: scale(base.query_width).max(16),
            hidden: scale(base.hidden).max(16),
            layers: if size < 100.0 { 8 } else { 30 },
            vocabulary: if size < 100.0 { 2_000 } else { 49_152 },
            experts: None,
            windows: None,
        };
        for context in [128, 512, 2_048, 8_192] {
            all.push(Passes::prefill(0, context, 256).work(&shape));
            for lines in [1, 4, 16, 64] {
                all.push(Passes::decode(lines, context, 0, 24).work(&shape));
                all.push(Passes::decode(lines, 0, context, 24).work(&shape));
            }
        }
    }
    all
}

/// A machine that the fit does not start from.
fn machine() -> Roofline {
    Roofline {
        product_rate: 4e11,
        attention_rate: 9e10,
        weight_rate: 2.5e11,
        key_value_rate: 3e10,
        memory_rate: 4.5e10,
        cache_rate: 2.2e11,
        cache_bytes: 3.1e7,
        pass: 6e-6,
        layer: 1.4e-6,
        line: 1.1e-7,
        element: 1.5e-10,
        logit: 4e-10,
        sharpness: 3.0,
    }
}

fn median(mut errors: Vec<f64>) -> f64 {
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}

/// With a tenth of noise either way on what it is fitted to, the law predicts what it has not seen
/// to a few percent.
#[test]
fn a_fit_predicts_the_other_half() {
    let truth = machine();
    let mut rng = seed::rng(11);
    let mut timed = |work: Work, noise: f64| {
        let factor = (noise * (2.0 * rng.uniform() - 1.0)).exp();
        Observation { work, seconds: truth.seconds_of(&work) * factor }
    };
    let (mut seen, mut unseen) = (Vec::new(), Vec::new());
    for (index, work) in grid().into_iter().enumerate() {
        if index % 2 == 0 {
            seen.push(timed(work, 0.1));
        } else {
            unseen.push(timed(work, 0.0));
        }
    }
    let law = Roofline::fit(&seen).unwrap();
    let errors = law.errors(&unseen);
    assert!(median(errors.clone()) < 0.04, "median {}", median(errors));
    let start = Roofline::default().errors(&unseen);
    assert!(median(start) > 0.5, "the fit begins where it ends");
    assert_eq!(law, Roofline::fit(&seen).unwrap());
}

#[test]
fn measurements_that_mean_nothing_are_refused() {
    let good: Vec<Observation> = grid()
        .into_iter()
        .map(|work| Observation { work, seconds: machine().seconds_of(&work) })
        .collect();
    assert_eq!(Roofline::fit(&good[..13]), Err(LawError::TooFew { found: 13, needed: 14 }));
    assert!(Roofline::fit(&good[..14]).is_ok());
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut bad = good.clone();
        bad[3].seconds = seconds;
        let error = Roofline::fit(&bad).unwrap_err();
        assert!(error.to_string().starts_with("measurement 3: seconds is"), "{error}");
    }
    let mut bad = good;
    bad[5].work = Work::default();
    assert!(Roofline::fit(&bad).unwrap_err().to_string().contains("measurement 5: passes is 0"));
}

#[test]
fn a_forecast_counts_what_a_search_would() {
    let planner = Planner { policy: shape(), prompt_tokens: 100, ..Planner::default() };
    let forecast = planner.forecast(Sample { n: 4 }, Some(&machine())).unwrap();
    let (solution, cost) = (8 * 32, shape().cost());
    assert_eq!(forecast.cost.samples, 4);
    assert_eq!(forecast.cost.generated_tokens, 4 * solution);
    assert_eq!(forecast.rounds, 1);
    assert_eq!(forecast.key_value_bytes, (100 + 4 * solution) * 23_040);
    // Four lines and the prompt, read once.
    assert_eq!(forecast.written.rows, 99.0 + (4 * solution) as f64);
    assert_eq!(forecast.written.count, 1.0 + solution as f64);
    assert_eq!(forecast.written.read, Passes::decode(4, 100, 0, solution).read + 99.0);
    assert!(forecast.cost.flops >= 4.0 * cost.flops(100, solution));
    assert!(forecast.seconds.unwrap() > 0.0);
    assert_eq!(forecast.judged, Passes::default());
}

/// A step of all lines in each round: what was kept is shared, what was dropped is read no more.
#[test]
fn a_forecast_follows_the_tree() {
    let scorer = ModelShape { token_bytes: 7, ..shape() };
    let planner = Planner {
        policy: shape(),
        judge: Judge::Model(scorer),
        prompt_tokens: 10,
        step_tokens: 5,
        steps: 3,
        ..Planner::default()
    };
    let forecast = planner.forecast(Greedy { n: 4, rounds: 0 }, None).unwrap();
    let rounds = (0..3).map(|round| Passes::decode(4, 10 + 5 * round, 0, 5));
    let written = rounds.fold(Passes::prefill(0, 9, 256), |sum, round| sum + round);
    assert_eq!(forecast.written, Passes { drawn: written.drawn - 1.0, ..written });
    assert_eq!(forecast.rounds, 3);
    // Each round judges four steps of five tokens after what was judged before.
    assert_eq!(forecast.judged.rows, 10.0 + 60.0);
    assert_eq!(forecast.judged.count, 4.0);
    assert_eq!(forecast.judged.read, 10.0 + (10.0 + 20.0) + (15.0 + 20.0) + (20.0 + 20.0));
    assert_eq!(forecast.key_value_bytes, 70 * (23_040 + 7));
    assert_eq!(forecast.seconds, None);
    let backbone = Planner { judge: Judge::OnBackbone, ..planner };
    let on_backbone = backbone.forecast(Greedy { n: 4, rounds: 0 }, Some(&machine())).unwrap();
    let with = planner.forecast(Greedy { n: 4, rounds: 0 }, Some(&machine())).unwrap();
    assert!(on_backbone.seconds.unwrap() < with.seconds.unwrap());
    assert_eq!(on_backbone.key_value_bytes, 70 * 23_040);
}

#[test]
fn more_lines_than_may_run_take_more_passes() {
    let planner = Planner { policy: shape(), prompt_tokens: 1, ..Planner::default() };
    let passes = |n| planner.forecast(Sample { n }, None).unwrap().written.count;
    assert_eq!(passes(64), 256.0);
    assert_eq!(passes(128), 512.0);
}

proptest! {
    /// The largest N within a budget is within it, and the next one is not.
    #[test]
    fn the_largest_is_the_largest(seconds in 0.5_f64..60.0, most in 1_usize..300) {
        let law = machine();
        let planner = Planner { policy: shape(), ..Planner::default() };
        let limits = Limits { seconds: Some(seconds), ..Limits::default() };
        let at = |n| planner.forecast(Sample { n }, Some(&law)).unwrap();
        match planner.largest(&limits, Some(&law), most, |n| Sample { n }).unwrap() {
            Some((n, forecast)) => {
                prop_assert!(n <= most && forecast.seconds.unwrap() <= seconds);
                prop_assert_eq!(at(n), forecast);
                prop_assert!(n == most || at(n + 1).seconds.unwrap() > seconds);
            }
            None => prop_assert!(at(1).seconds.unwrap() > seconds),
        }
    }
}

#[test]
fn a_budget_of_operations_needs_no_machine() {
    let planner = Planner { policy: shape(), ..Planner::default() };
    let one = planner.forecast(Sample { n: 1 }, None).unwrap().cost.flops;
    let two = planner.forecast(Sample { n: 2 }, None).unwrap().cost.flops;
    let limits = Limits { flops: Some(one + 9.5 * (two - one)), ..Limits::default() };
    let (n, _) = planner.largest(&limits, None, 1_000, |n| Sample { n }).unwrap().unwrap();
    assert_eq!(n, 10);
    let seconds = Limits { seconds: Some(1e9), ..Limits::default() };
    assert!(planner.largest(&seconds, None, 1_000, |n| Sample { n }).unwrap().is_none());
    let bytes = Limits { key_value_bytes: Some((128 + 3 * 256) * 23_040), ..Limits::default() };
    assert_eq!(planner.largest(&bytes, None, 9, |n| Sample { n }).unwrap().unwrap().0, 3);
}

#[test]
fn strategies_that_do_not_run_say_so() {
    struct Refuses;
    impl SearchStrategy for Refuses {
        fn step(&mut self, _: &mut View<'_>) -> Vec<Expand> {
            vec![Expand::end(NodeId::ROOT, 1)]
        }
        fn check(&self) -> Result<(), String> {
            Err("keep is 0".into())
        }
    }
    let error = Planner::default().forecast(Refuses, None).unwrap_err();
    assert!(error.to_string().contains("keep is 0"), "{error}");
}

#[test]
fn laws_survive_json() {
    let law = machine();
    let json = serde_json::to_string(&law).unwrap();
    assert_eq!(serde_json::from_str::<Roofline>(&json).unwrap(), law);
    let planner = Planner { judge: Judge::Model(shape()), ..Planner::default() };
    let json = serde_json::to_string(&planner).unwrap();
    assert_eq!(serde_json::from_str::<Planner>(&json).unwrap(), planner);
}
