//! Answer equivalence: a table of what is the same and what is not, and its laws.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use tts_core::answer::{Readings, canonical, equivalent, extract};

#[test]
fn the_same() {
    for (gold, pred) in [
        ("5", "5.0"),
        ("1/2", "50/100"),
        ("28%", "28 percent"),
        ("28%", "28"),
        ("3 million", "3000000"),
        ("2 dozen", "24"),
        ("3000000", "So in the end they earned a total of 3 million dollars."),
        ("The answer is 3:00 PM.", "3:00 p.m."),
        ("The answer is 2 hours and 30 minutes.", "2 hours and 30 minutes"),
        ("42", "#### Step 2: Multiply\n6 * 7 = 42. So the answer is 42."),
        ("2 dozen eggs", "24"),
        ("$3.5 million", "3,500,000 dollars"),
        (r"3 \text{ million dollars}", "3000000"),
        ("2 hundred thousand", "200000"),
        ("5 hundredths", "0.05"),
        ("2 thirds", "2/3"),
        ("3 PM", "3:00 p.m."),
        ("5 May", "May 5th"),
        ("May 5, 2023", "5 May 2023"),
        ("2023-05-01", "2023-5-1"),
        ("2 hours and 30 minutes", "30 minutes and 2 hours"),
        ("2 hrs and 30 min", "2 hours and 30 minutes"),
        ("2 hours and 30 minutes", "2, 30"),
        ("2 red, 3 blue", "3 blue and 2 red"),
        ("Team 1 wins", "team 1 wins"),
        ("2abc", "2cba"),
        ("xyz + 2", "2 + xyz"),
        ("therefore 7", "7"),
        ("60 miles per hour", "60"),
        ("1,22", "1.22"),
        ("1000,99", "$1,000.99"),
        ("14{,}916", "14916"),
        (r"11,\! 111,\! 111,\! 100", "11111111100"),
        (r"\frac12", "0.5"),
        (r"\frac9{19}", "9/19"),
        (r"1\frac{4}{5}", "1.8"),
        ("1 4/5", "9/5"),
        (r"-1\frac{1}{2}", "-1.5"),
        (r"2\sqrt{113}", r"\sqrt{452}"),
        (r"\frac{1}{\sqrt{3}}", r"\frac{\sqrt3}{3}"),
        (r"90^\circ", "90 degrees"),
        (r"864 \mbox{ inches}^2", "864"),
        (r"5.4 \text{ cents}", "5.4"),
        ("12 apples", "12"),
        ("5 cm", "5"),
        ("1.5e3", r"1.5 \times 10^3"),
        ("x = 5", "5"),
        ("y = 2x + 3", "2x+3"),
        ("2^10", "1024"),
        ("10^(-2)", "0.01"),
        ("(1+2)*3", "9"),
        (r"\{1, 2\}", "2, 1"),
        (r"(2,12) \cup (12,102)", r"(12,102)\cup(2,12)"),
        (r"(-\infty, 2)", "x < 2"),
        (r"x \ge 5", r"[5, \infty)"),
        ("(x+1)^2", "x^2 + 2x + 1"),
        (r"\frac{x}{x+1}", r"1 - \frac{1}{x+1}"),
        (r"\sin^2 x", r"1 - \cos^2 x"),
        ("p - q", "-q+p"),
        (r"6 - 5i", "-5i+6"),
        (r"\text{Evelyn}", "evelyn"),
        (r"\text{(C)}", "C"),
        (r"\frac{270}7\text{ degrees}", "270/7"),
        (r"\$32,\!348", "32348"),
        ("0.333333333", "1/3"),
        (r"\binom{5}{2}", "10"),
        ("5!", "120"),
        (r"3 \pm 2\sqrt2", r"3-2\sqrt{2}, 3+2\sqrt{2}"),
        ("4210_{5}", "4210_5"),
        ("y = 2x + 3", "2x - y + 3 = 0"),
        ("y = -2x", "-2x = y"),
        ("x^2 + y^2 = 4", "y^2 = 4 - x^2"),
        ("10 km/h", "10"),
        (r"\sqrt{3 + 2\sqrt{2}}", r"1 + \sqrt{2}"),
        (r"\{x \mid x > 3\}", r"(3, \infty)"),
        (r"x_1 = 60, x_2 = 20", "20, 60"),
        ("A = 5, B = 3", "B = 3, A = 5"),
        ("3.14159265", r"\pi"),
    ] {
        assert!(
            equivalent(gold, pred),
            "{gold} / {pred}: {} / {}",
            canonical(gold),
            canonical(pred)
        );
    }
}

#[test]
fn not_the_same() {
    for (gold, pred) in [
        ("28", "0.28"),
        ("28%", "0.28"),
        ("3:00 PM", "3:00 AM"),
        (r"3:00 \text{ PM}", r"3:00 \text{ AM}"),
        ("3 p.m.", "3 a.m."),
        ("3 PM and 5 PM", "3 AM and 5 AM"),
        ("5 May and 6 May", "5 June and 6 June"),
        ("5 miles north", "5 miles south"),
        ("2 thirds", "2 fifths"),
        ("2 and a half", "2 and a third"),
        ("5 billion", "5 million"),
        ("3 million", "3"),
        ("3", "So in the end they earned a total of 3 million dollars."),
        ("The answer is 3:00 PM.", "The answer is 3:00 AM."),
        ("The answer is 5 million.", "The answer is 5 billion."),
        ("The answer is May 5.", "The answer is June 5."),
        ("2 dozen", "2"),
        ("5 hundredths", "5"),
        ("5 May", "5 June"),
        ("May 5", "June 5"),
        ("5 May", "5"),
        ("Team 1 wins", "Team 1 loses"),
        ("box 1 wins", "box 1 loses"),
        ("row 2", "2"),
        ("3 ft 2 in", "2 ft 3 in"),
        ("2 hours and 30 minutes", "30 hours and 2 minutes"),
        ("2 hrs and 30 min", "30 hours and 2 minutes"),
        (r"2 \text{ hours and } 30 \text{ minutes}", r"30 \text{ hours and } 2 \text{ minutes}"),
        ("2 red, 3 blue", "3 red, 2 blue"),
        ("2023-05-01", "2017"),
        ("5/1/2023", "10/2/2023"),
        ("5", "-5"),
        ("0.33", "1/3"),
        ("(1,2)", "(2,1)"),
        ("(1,2)", "[1,2]"),
        ("(0,1)", r"\{0,1\}"),
        ("1, 2", "1, 2, 3"),
        ("204_5", "204"),
        ("x < 1", "x > -1"),
        ("x < 1", r"x \le 1"),
        ("4", r"4\sqrt{2}"),
        ("x+1", "x+2"),
        ("x", "|x|"),
        (r"\sqrt{x^2}", "x"),
        (r"\sqrt{10000000000000000000001}", "100000000000"),
        ("10^999999999", "10^999999998"),
        ("2", "AZYUK2A"),
        ("4:30p..", "4:30"),
        ("yes", "no"),
        ("1/0", "2/0"),
        ("", "0"),
        ("12:00", "1:00"),
        ("A = 5, B = 3", "A = 3, B = 5"),
        ("3:4", "3/4"),
        ("0.999999", "1"),
        (r"6.28", r"2\pi"),
        ("x + y = 3", "x - y = 3"),
        (r"\frac{1}{0}", r"\infty"),
        ("123,456", "123.456"),
        (r"\frac{0.0000672}{1}", "0.0000673"),
    ] {
        assert!(!equivalent(gold, pred), "{gold} / {pred}: {}", canonical(gold));
    }
}

/// Time that this thread has computed, where the system says so: a busy machine is no slow answer.
/// Elsewhere the time since `start`.
fn computed(start: Instant) -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|count| count.parse().ok());
    nanoseconds.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

#[test]
fn hostile_answers_end_quickly() {
    let many: Vec<String> = (0..250).map(|i| format!("\\sin({i}x), ")).collect();
    // Every pair of these has to be evaluated.
    let odd = many.concat().replace("\\sin(", "-\\sin(-");
    let many = many.concat();
    let start = Instant::now();
    let before = computed(start);
    let _ = equivalent(&many, &odd);
    assert!(computed(start).saturating_sub(before).as_secs() < 5);
    let huge = [
        "(".repeat(4000),
        "{".repeat(100_000),
        "\\frac{".repeat(600),
        "\\sqrt".repeat(800),
        "-".repeat(4000),
        "2^".repeat(2000),
        "9".repeat(3_000_000),
        format!("0.{}", "1".repeat(4000)),
        "1e999999999999999999999".to_owned(),
        "10^999999999".to_owned(),
        "9^9^9^9^9".to_owned(),
        "1/0".to_owned(),
        "0^(-1)".to_owned(),
        "(a+b+c+d+e+f+g)^32".to_owned(),
        "((((x+y)^30+z)^30+w)^30)^30".to_owned(),
        "1\\pm".repeat(1000),
        "1,".repeat(2000),
        "\\{".repeat(2000),
        "\\begin{pmatrix}".repeat(200),
        "|".repeat(4000),
        "9999!".to_owned(),
        "sin ".repeat(1000),
        format!("x{}", "!".repeat(4000)),
        format!("x{}", "'".repeat(4000)),
        "(x!)^".repeat(1000),
        "+\\sqrt{x+y}".repeat(300),
        "\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+".repeat(100) + "1",
        "(1+\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7})".repeat(80),
        "1/3+1/7+1/11+1/13+1/17+".repeat(150) + "1",
        "1e2000*".repeat(500) + "1",
        "1, \\sin(x), ".repeat(300),
        format!("{many}2"),
        "(x+1)".repeat(800),
        "1/(x+1)".repeat(500),
        "\\frac{1}{1+".repeat(30) + "x" + &"}".repeat(30),
        "\\boxed{".repeat(10_000),
        "x=".repeat(2000),
        "\\cup".repeat(1000),
    ];
    for text in &huge {
        let before = computed(start);
        assert!(equivalent(text, text));
        let _ = (equivalent(text, "1"), canonical(text), extract(text));
        let took = computed(start).saturating_sub(before);
        let head: String = text.chars().take(20).collect();
        // Seconds when unoptimised, as outside of this workspace; without bounds it would be hours.
        assert!(took.as_secs() < 60, "{head} took {took:?}");
    }
}

fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if n < 0 { format!("-{out}") } else { out }
}

/// Strings made of the pieces answers are made of: far likelier to reach the odd paths.
fn formula() -> impl Strategy<Value = String> {
    let pieces = [
        "1",
        "2",
        "10",
        ".5",
        ",",
        ", ",
        " ",
        "x",
        "y",
        "+",
        "-",
        "*",
        "/",
        "^",
        "_",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\\{",
        "\\}",
        "\\frac",
        "\\sqrt",
        "\\pi",
        "\\pm",
        "=",
        "<",
        "\\le",
        "\\cup",
        "\\text{cm}",
        "\\text{ and }",
        "%",
        "$",
        "\\boxed{",
        "|",
        "!",
        "\\infty",
        "\\sin",
        " and ",
        ":",
        "e",
        "i",
        "\\\\",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "&",
        "the answer is ",
        ". ",
        "\n",
        "é",
        "²",
        "####",
        " million",
        " PM",
        " May",
        " box ",
        " cm",
        "%",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..14).prop_map(|p| p.concat())
}

#[test]
fn readings_kept_decide_as_fresh_ones() {
    // Each form that has a second reading, beside what that reading equals.
    let answers = [
        "5",
        "5.0",
        "x = 5",
        "1,5",
        "1.5",
        "3/2",
        "y = 2x",
        "2x - y = 0",
        "y - 2x = 0",
        "{1, 5}",
        "(1, 5)",
        "0.333333",
        "1/3",
        "A",
        "a",
        "[1, 2)",
        "1 < x",
        "x > 1",
        "3:00 PM",
        "15:00",
        "",
        "none",
        r"\sqrt{8}",
        r"2\sqrt2",
        r"\sin(x)^2 + \cos(x)^2",
        "1",
        "28%",
        "28",
    ];
    let mut readings = Readings::default();
    let mut equal = 0;
    for gold in answers {
        for pred in answers {
            let fresh = equivalent(gold, pred);
            assert_eq!(readings.equivalent(gold, pred), fresh, "{gold} / {pred}");
            equal += usize::from(fresh && gold != pred);
        }
    }
    assert!(equal >= 18, "{equal}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn laws_on_any_text(a in ".{0,40}", b in ".{0,40}") {
        prop_assert!(equivalent(&a, &a));
        prop_assert_eq!(equivalent(&a, &b), equivalent(&b, &a));
        let _ = extract(&a);
    }

    #[test]
    fn laws_on_formulas(a in formula(), b in formula()) {
        prop_assert!(equivalent(&a, &a));
        prop_assert_eq!(equivalent(&a, &b), equivalent(&b, &a));
        if canonical(&a) == canonical(&b) {
            prop_assert!(equivalent(&a, &b));
        }
        let _ = extract(&a);
    }

    #[test]
    fn one_integer_many_ways(n in any::<i64>()) {
        let ways = [n.to_string(), grouped(n), format!("\\boxed{{{n}}}"), format!("{n}/1"), format!("${n}$"), format!("{n}.0")];
        for way in &ways {
            prop_assert!(equivalent(&n.to_string(), way), "{}", way);
            prop_assert_eq!(canonical(way), n.to_string());
        }
    }

    #[test]
    fn different_integers_differ(a in any::<i64>(), b in any::<i64>(), near in 1..100_i64) {
        prop_assert_eq!(equivalent(&a.to_string(), &b.to_string()), a == b);
        let other = a.wrapping_add(near);
        let boxed = format!("\\boxed{{{other}}}");
        prop_assert!(!equivalent(&grouped(a), &boxed));
    }
}

#[test]
fn edges_of_boxes_chains_and_dates() {
    // An empty last box takes back what stands before it; a cut one says what its line says.
    assert_eq!(extract("#### 7\n\\boxed{12}, no: \\boxed{}"), None);
    assert_eq!(extract("\\boxed{3}\nNo: \\boxed{12").as_deref(), Some("12"));
    // Boxes in paragraphs of their own are no list.
    assert_eq!(extract("\\boxed{3}\n\n\\boxed{4}").as_deref(), Some("4"));
    assert_eq!(extract("\\boxed{3}, \\boxed{4}").as_deref(), Some("3, 4"));
    // One is a word for anything, two are a number.
    assert_eq!(extract("In the end she simply chose this one"), None);
    assert_eq!(extract("In the end she simply chose these two").as_deref(), Some("2"));
    // The last approximation of a chain.
    assert!(equivalent("1.0472", "\\frac{\\pi}{3} \\approx 1.05 \\approx 1.0472"));
    // The middle of a date is short, and it has one month.
    assert!(equivalent("1/2000/2020", "1/4040000"));
    assert!(!equivalent("May June 5", "June 5"));
    assert!(equivalent("5 June", "June 5th"));
}
