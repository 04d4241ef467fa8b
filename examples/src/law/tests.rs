use std::cell::Cell;

use tts_core::cost::Roofline;
use tts_models::EngineConfig;

use super::*;

/// Points of a small grid on the smallest size, measured for real: what they say of time is not
/// looked at, only what they are.
fn measured() -> Vec<Point> {
    let config = EngineConfig { max_lines: 4, ignore_end: true, threads: 1, ..Default::default() };
    let model = random(&SIZES[0], config).unwrap();
    let most = Cell::new(0);
    let progress = |_| ();
    let subject = Subject {
        name: "1M",
        model: model.as_ref(),
        before: resident(),
        most: &most,
        progress: &progress,
    };
    measure(&subject, 40, &[1, 4]).unwrap()
}

#[test]
fn points_are_what_was_asked_for() {
    let points = measured();
    let kinds: Vec<(Phase, u64)> = points.iter().map(|point| (point.phase, point.lines)).collect();
    let expected = [
        (Phase::Prefill, 1),
        (Phase::DecodeShared, 1),
        (Phase::DecodeShared, 4),
        (Phase::DecodeOwn, 4),
    ];
    assert_eq!(kinds, expected);
    for point in &points {
        assert_eq!(point.context, 40);
        assert!(point.expected_memory > point.shape.memory(40, 1) - 1);
    }
    assert_eq!(points[0].passes, Passes::prefill(0, 40, PREFILL_ROWS as u64));
    let count = points[3].passes.count;
    assert!((16.0..=128.0).contains(&count), "{count}");
    // Own contexts read more than a shared one, and compute the same.
    let a_pass = |point: &Point| point.passes.read / point.passes.count;
    assert!(a_pass(&points[3]) >= a_pass(&points[2]) + 100.0);
    assert_eq!(points[0].shape.layer_parameters, 1_066_368);
}

#[test]
fn a_model_without_room_has_no_points() {
    let model = random(&SIZES[0], EngineConfig { threads: 1, ..Default::default() }).unwrap();
    let (most, progress) = (Cell::new(0), |_| ());
    let subject = Subject {
        name: "1M",
        model: model.as_ref(),
        before: None,
        most: &most,
        progress: &progress,
    };
    assert!(measure(&subject, 16_300, &[1]).unwrap().is_empty());
}

/// Points of a law, without a clock.
fn made_up() -> Vec<Point> {
    let machine = Roofline::default();
    let shape =
        random(&SIZES[0], EngineConfig { threads: 1, ..Default::default() }).unwrap().shape();
    let mut points = Vec::new();
    for context in [100, 300, 900, 2_700] {
        for lines in [1, 2, 4, 8, 16, 32, 64] {
            for (phase, shared, own) in
                [(Phase::DecodeShared, context, 0), (Phase::DecodeOwn, 0, context)]
            {
                let passes = Passes::decode(lines, shared, own, 16);
                points.push(Point {
                    model: "1M".into(),
                    shape,
                    phase,
                    context,
                    lines,
                    passes,
                    seconds: (context < 2_700 || lines < 64)
                        .then(|| 2.0 * machine.seconds(&shape, &passes)),
                    memory: None,
                    expected_memory: shape.memory(context, 1),
                    fitted: false,
                    predicted: 0.0,
                });
            }
        }
    }
    points
}

#[test]
fn half_is_fitted_and_half_predicted() {
    let mut points = made_up();
    let roofline = fit(&mut points).unwrap();
    let timed = points.iter().filter(|point| point.seconds.is_some()).count();
    let fitted = points.iter().filter(|point| point.fitted).count();
    assert_eq!((timed, fitted), (54, 27));
    assert!(points.iter().all(|point| point.predicted > 0.0));
    let held_out = points.iter().filter(|point| !point.fitted).filter_map(Point::error).collect();
    assert!(median(held_out).unwrap() < 0.05);
    let law =
        Law { machine: "a machine".into(), threads: 2, weights: "int8".into(), roofline, points };
    let mut text = Vec::new();
    table(&mut text, &law.points).unwrap();
    summary(&mut text, &law).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.matches("predicted only").count(), 2);
    assert!(text.contains("of 27 points, held out"), "{text}");
    assert_eq!(csv(&law).lines().count(), 57);
    assert!(csv(&law).lines().all(|line| line.split(',').count() == 9));
    let charts = charts(&law);
    assert_eq!(charts.len(), 3);
    for (name, chart) in charts {
        assert!(chart.svg().unwrap().contains("<svg"), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("law.json");
    std::fs::write(&path, serde_json::to_vec(&law).unwrap()).unwrap();
    assert_eq!(Law::from_file(&path).unwrap(), law);
    std::fs::write(&path, "{}").unwrap();
    assert!(Law::from_file(&path).unwrap_err().to_string().contains("law.json: missing field"));
}

#[test]
fn a_journal_goes_on_where_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("points.jsonl");
    let points = made_up();
    let mut journal = Journal::open(&path, "a setting").unwrap();
    journal.add("1M", 100, points[..3].to_vec()).unwrap();
    journal.add("1M", 300, points[3..6].to_vec()).unwrap();
    drop(journal);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 9]).unwrap();
    let mut journal = Journal::open(&path, "a setting").unwrap();
    assert!(journal.has("1M", 100) && !journal.has("1M", 300) && !journal.has("10M", 100));
    journal.add("1M", 300, points[3..6].to_vec()).unwrap();
    assert_eq!(journal.points(), points[..6]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let error = Journal::open(&path, "a setting").unwrap_err().to_string();
    assert!(error.contains("another process works on it"), "{error}");
    drop(journal);
    let error = Journal::open(&path, "another").unwrap_err().to_string();
    assert!(error.contains("line 1 was measured under a setting, not another"), "{error}");
    std::fs::write(&path, "nonsense\n").unwrap();
    assert!(Journal::open(&path, "a setting").unwrap_err().to_string().contains("line 1"));
}
