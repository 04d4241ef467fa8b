//! Charts as text: what is in them, what is refused, and that bytes do not change.

use super::*;
use crate::metrics::{Calibration, calibration};

fn curve(name: &str, style: Style) -> Series {
    let points = [1.0, 4.0, 16.0, 64.0]
        .map(|k: f64| Point::with_interval(k, k.sqrt() / 10.0, [k.sqrt() / 12.0, k.sqrt() / 8.0]));
    Series::new(name, style, points.to_vec())
}

fn chart(series: Vec<Series>) -> Chart {
    let axes = (Axis::log2("candidates"), Axis::linear("accuracy"));
    Chart { series, ..Chart::new("A title", axes.0, axes.1) }
}

fn count(svg: &str, needle: &str) -> usize {
    svg.matches(needle).count()
}

/// The polylines that are two pixels wide: those of series and legend.
fn lines(svg: &str) -> usize {
    svg.lines().filter(|l| l.starts_with("<polyline") && l.contains("stroke-width=\"2\"")).count()
}

#[test]
fn everything_is_there() {
    let series = vec![curve("votes", Style::LineAndMarks), curve("best", Style::Line)];
    let svg = chart(series).svg().unwrap();
    assert!(svg.starts_with("<svg width=\"720\" height=\"480\" viewBox=\"0 0 720 480\""));
    assert!(svg.trim_end().ends_with("</svg>"));
    for text in ["A title", "candidates", "accuracy", "votes", "best", "16", "64", "0.8"] {
        assert!(svg.lines().any(|line| line == text), "{text}");
    }
    // A line and a band each; what leads to their names is thin.
    assert_eq!(lines(&svg), 2);
    assert_eq!(count(&svg, "<polygon opacity=\"0.2\""), 2);
    assert_eq!(count(&svg, "<circle"), 4);
}

/// Where a text stands, in pixels.
fn place(svg: &str, text: &str) -> [i32; 2] {
    let lines: Vec<&str> = svg.lines().collect();
    let at = lines.iter().position(|line| *line == text).expect(text);
    let number = |name: &str| {
        let (_, rest) = lines[at - 1].split_once(&format!(" {name}=\"")).expect(name);
        rest.split_once('"').expect("an end").0.parse().expect("a number")
    };
    [number("x"), number("y")]
}

#[test]
fn lines_that_go_to_the_edge_are_named_there() {
    let early = Series::new("early", Style::Line, vec![Point::new(1.0, 0.1), Point::new(4.0, 0.2)]);
    let series = vec![curve("votes", Style::Line), curve("best", Style::Line), early];
    let svg = chart(series.clone()).svg().unwrap();
    let [votes, best, early] = ["votes", "best", "early"].map(|name| place(&svg, name));
    // Two that end in one place share the room beside it; one that ends before is in the legend.
    assert!(votes[0] == best[0] && votes[0] > 600 && (votes[1] - best[1]).abs() == 16);
    assert!(early[0] < 200 && early[1] < votes[1]);
    // A single line, and lines without room, have a legend.
    for chart in [chart(vec![series[0].clone()]), chart(series).sized(400, 480)] {
        assert!(place(&chart.svg().unwrap(), "votes")[0] < 200);
    }
    let marks = chart(vec![curve("a", Style::Marks), curve("b", Style::Marks)]);
    assert!(place(&marks.svg().unwrap(), "a")[0] < 200);
}

#[test]
fn many_bands_are_paler_and_have_edges() {
    let svg = |bands| chart(vec![curve("a", Style::Line); bands]).svg().unwrap();
    let edges = |svg: &str| {
        let thin = |line: &&str| line.starts_with("<polyline") && line.contains("opacity=\"0.4\"");
        svg.lines().filter(thin).count()
    };
    assert_eq!((count(&svg(3), "<polygon opacity=\"0.2\""), edges(&svg(3))), (3, 0));
    assert_eq!((count(&svg(4), "<polygon opacity=\"0.15\""), edges(&svg(4))), (4, 8));
}

#[test]
fn shares_are_written_as_percentages() {
    let mut chart = chart(vec![curve("a", Style::Line)]);
    chart.y = Axis::percent("accuracy").covering(0.0, 1.0);
    let svg = chart.svg().unwrap();
    for text in ["0 %", "20 %", "100 %"] {
        assert!(svg.lines().any(|line| line == text), "{text}");
    }
    let text = serde_json::to_string(&chart).unwrap();
    assert_eq!(serde_json::from_str::<Chart>(&text).unwrap(), chart);
}

#[test]
fn each_style_has_its_shapes() {
    for (style, lines_of, circles, bands, bars) in [
        (Style::Line, 2, 0, 1, 0),
        (Style::LineAndMarks, 2, 5, 1, 0),
        // Two ends of four intervals, with a cap each.
        (Style::Marks, 16, 5, 0, 0),
        (Style::Bars { width: None }, 16, 0, 0, 5),
    ] {
        let svg = chart(vec![curve("a", style)]).svg().unwrap();
        assert_eq!(lines(&svg), lines_of, "{style:?}");
        assert_eq!(count(&svg, "<circle"), circles, "{style:?}");
        assert_eq!(count(&svg, "<polygon opacity=\"0.2\""), bands, "{style:?}");
        assert_eq!(count(&svg, "<rect") - 1, bars, "{style:?}");
    }
    let alone = Series::new("", Style::Line, vec![Point::new(1.0, 1.0)]);
    assert_eq!(count(&chart(vec![alone]).svg().unwrap(), "<circle"), 1);
}

#[test]
fn text_is_escaped() {
    let mut chart = chart(vec![curve("p < 0.05 & \"q\"", Style::Line)]);
    chart.title = "1 < 2 & 3\u{0} > 2".into();
    let svg = chart.svg().unwrap();
    assert!(svg.contains("1 &lt; 2 &amp; 3 &gt; 2"), "{svg}");
    assert!(svg.contains("p &lt; 0.05 &amp; &quot;q&quot;"));
    assert!(!svg.contains('\u{0}'));
}

#[test]
fn the_same_chart_has_the_same_bytes() {
    let chart = chart(vec![curve("a", Style::LineAndMarks), curve("b", Style::Marks)]);
    assert_eq!(chart.svg().unwrap(), chart.clone().svg().unwrap());
    let text = serde_json::to_string(&chart).unwrap();
    assert_eq!(serde_json::from_str::<Chart>(&text).unwrap(), chart);
}

#[test]
fn bad_charts_are_named() {
    let with = |point: Point| {
        chart(vec![curve("a", Style::Line), Series::new("b", Style::Line, vec![point])])
    };
    let nan = f64::NAN;
    let log_y = |chart: Chart| Chart { y: Axis::log10("y"), ..chart };
    let covering = |low, high| {
        let chart = chart(vec![curve("a", Style::Line)]);
        Chart { x: chart.x.clone().covering(low, high), ..chart }
    };
    let bars = |width| chart(vec![curve("a", Style::Bars { width: Some(width) })]);
    let far = |y: f64| Point { high: Some(-y), ..Point::new(1.0, y) };
    for (chart, message) in [
        (chart(vec![]), "`series` has 0 entries, outside 1..=10"),
        (chart(vec![curve("a", Style::Line); 11]), "`series` has 11 entries, outside 1..=10"),
        (chart(vec![Series::new("a", Style::Line, vec![])]), "series `a` has no points"),
        (with(Point::new(1.0, nan)), "series `b`: `points[0].y` is NaN on a linear axis"),
        (with(Point::new(0.0, 1.0)), "series `b`: `points[0].x` is 0 on a logarithmic axis"),
        (
            log_y(with(Point::with_interval(1.0, 0.5, [0.0, 1.0]))),
            "series `b`: `points[0].low` is 0 on a logarithmic axis",
        ),
        (
            with(Point::with_interval(1.0, 1.0, [0.0, f64::INFINITY])),
            "series `b`: `points[0].high` is inf on a linear axis",
        ),
        (
            with(Point::with_interval(1.0, 1.0, [2.0, 0.0])),
            "series `b`: `points[0]` has `low` 2 above `high` 0",
        ),
        (bars(0.0), "series `a`: `width` of bars is 0, not a positive number"),
        (bars(nan), "series `a`: `width` of bars is NaN, not a positive number"),
        (covering(0.0, 1.0), "the x axis cannot show 0 to 1"),
        (covering(2.0, 1.0), "the x axis cannot show 2 to 1"),
        (covering(1.0, nan), "the x axis cannot show 1 to NaN"),
        (
            chart(vec![curve("a", Style::Line)]).sized(720, 100),
            "`height` is 100 pixels, outside 194..=20000",
        ),
        (
            chart(vec![curve("a", Style::Line)]).sized(0, 480),
            "`width` is 0 pixels, outside 184..=20000",
        ),
        (
            chart(vec![curve("a", Style::Line)]).sized(720, 30_000),
            "`height` is 30000 pixels, outside 194..=20000",
        ),
    ] {
        assert_eq!(chart.svg().unwrap_err().to_string(), message);
    }
    let error = with(far(-f64::MAX)).svg().unwrap_err().to_string();
    assert!(error.starts_with("the y axis cannot show -17976"), "{error}");
}

#[test]
fn odd_data_are_drawn_all_the_same() {
    for scale in [Scale::Linear, Scale::Log2, Scale::Log10] {
        for (x, y) in [
            (1.0, 1.0),
            (1e300, 1e-300),
            (5e-324, 5e-324),
            (f64::MAX / 4.0, 0.9e308),
            (1e16, 1e16 + 2.0),
        ] {
            for style in [Style::Line, Style::Marks, Style::Bars { width: None }] {
                let axis = Axis { scale, ..Axis::linear("") };
                let points = vec![Point::new(x, y), Point::new(x, y)];
                let chart = Chart::new("", axis.clone(), axis).with(Series::new("", style, points));
                assert!(chart.svg().is_ok(), "{scale:?} {x} {y} {style:?}: {:?}", chart.svg());
            }
        }
    }
}

#[test]
fn files_are_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chart.svg");
    let good = chart(vec![curve("a", Style::Line)]);
    good.write(&path).unwrap();
    assert!(chart(vec![]).write(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), good.svg().unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let missing = folder.path().join("none").join("chart.svg");
    let error = good.write(&missing).unwrap_err().to_string();
    assert!(error.starts_with(&format!("`{}`: ", missing.display())), "{error}");
}

#[test]
fn ready_made() {
    let scores: Vec<f64> = (0..100_u8).map(|i| f64::from(i) / 99.0).collect();
    let right: Vec<bool> = (0..100).map(|i| i % 7 < i / 14).collect();
    let found = calibration(&scores, &right, Calibration::BINS).unwrap();
    let svg = reliability(&found).svg().unwrap();
    // Ten bins, the picture and the legend; ten marks and one in the legend.
    assert_eq!((count(&svg, "<rect"), count(&svg, "<circle")), (12, 11));
    let training: Vec<(f64, f64)> =
        (0..50).map(|i| (f64::from(i), 1.0 / f64::from(i + 1))).collect();
    let chart = loss_curve("Loss", &training, &[]);
    assert_eq!(chart.series.len(), 1);
    assert_eq!(lines(&chart.svg().unwrap()), 2);
}

#[test]
fn an_axis_from_zero_has_no_room_below() {
    let ends = |low: f64| Axis::linear("x").ends("x", [low, 10.0].into_iter()).unwrap();
    assert!(ends(0.0)[0].abs() < 1e-12 && (ends(0.0)[1] - 10.5).abs() < 1e-12);
    assert!((ends(-10.0)[0] + 11.0).abs() < 1e-12);
}

#[test]
fn an_interval_may_be_a_single_number() {
    let point = |interval| Point::with_interval(1.0, 2.0, interval);
    let svg = |interval| chart(vec![Series::new("a", Style::Marks, vec![point(interval)])]).svg();
    assert!(svg([2.0, 2.0]).is_ok());
    assert!(svg([2.5, 2.0]).is_err());
}
