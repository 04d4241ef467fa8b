//! Hostile texts: deep, long, huge and unbalanced ones, and what has to come out of each.
//!
//! Work without bounds would show as a test that never ends; a cap in the wrong place, as a wrong value.

use tts_core::answer::{canonical, equivalent, extract};

/// A text, and the answer that is found in it.
fn texts() -> Vec<(String, Option<&'static str>)> {
    vec![
        ("\\boxed{".repeat(100_000), None),
        ("\\boxed{7}".repeat(100_000), Some("7")),
        ("{".repeat(1_000_000), None),
        ("}".repeat(1_000_000), None),
        ("$".repeat(300_001), None),
        ("$ \\".repeat(300_001), None),
        ("answer ".repeat(200_000), None),
        ("answer is so ".repeat(200_000), Some("answer is so")),
        ("answer is not ".repeat(200_000), None),
        ("answer is not ".repeat(200_000) + "7", None),
        ("#### so ".repeat(200_000), None),
        ("1,".repeat(500_000), Some("1")),
        (",".repeat(100_000), None),
        ("not ".repeat(200_000), None),
        ("not 5 ".repeat(100_000), None),
        ("5? No, ".repeat(100_000), None),
        ("?".repeat(200_000), None),
        ("~~5".repeat(200_001), Some("5")),
        ("they are ".repeat(100_000), None),
        (" (".repeat(100_000), None),
        ("5, so ".repeat(100_000), Some("5")),
        ("5 when ".repeat(100_000), Some("5")),
        ("that is wrong ".repeat(50_000), None),
        ("that is wrong ".repeat(50_000) + "7", Some("7")),
        (format!("5 {}", "m s ".repeat(50_000)), Some("5")),
        (format!("5 {}", "m/".repeat(50_000)), Some("5")),
        ("1h 2m ".repeat(50_000), Some("1h 2m")),
        ("less than 5 ".repeat(50_000), None),
        ("B because ".repeat(50_000), Some("B")),
        ("*".repeat(300_000), None),
        ("`a".repeat(200_000), None),
        ("<b".repeat(200_000), None),
        ("5 out of ".repeat(50_000), Some("5 out of 5")),
        ("\\therefore ".repeat(50_000), None),
        ("[/INST]".repeat(50_000), None),
        ("\\left(".repeat(800), None),
    ]
}

#[test]
fn what_is_found_in_hostile_texts() {
    for (text, answer) in texts() {
        let head: String = text.chars().take(20).collect();
        assert_eq!(extract(&text).as_deref(), answer, "{head}");
        assert!(equivalent(&text, &text), "{head}");
        let one = answer == Some("1") || answer == Some("5 out of 5");
        assert_eq!(equivalent(&text, "1"), one, "{head}");
    }
}

#[test]
fn a_megabyte_of_digits_is_one_value() {
    let digits = "9".repeat(1_000_000);
    assert_eq!(extract(&digits).as_deref(), Some(digits.as_str()));
    assert!(equivalent(&digits, &format!("The answer is {digits}.")));
    assert!(!equivalent(&digits, &format!("{}8", "9".repeat(999_999))));
}

#[test]
fn huge_values_stay_as_they_are_written() {
    for (text, value, other) in [
        ("10^10^10", "(10)^(10000000000)", "10^10^11"),
        ("10^{10^{10^{10}}}", "(10)^((10)^(10000000000))", "10^{10^{10^{11}}}"),
        ("(10^9)!", "factorial(1000000000)", "(10^9+1)!"),
        (
            r"\binom{1000000000}{500000000}",
            "binomial(1000000000,500000000)",
            r"\binom{1000000000}{500000001}",
        ),
    ] {
        assert_eq!(canonical(text), value);
        assert!(equivalent(text, text));
        assert!(!equivalent(text, other), "{text} / {other}");
    }
    assert_eq!(canonical(r"10^1000 \bmod 7"), "4");
    // Deeper than formulas may be: nothing is computed.
    assert!(!equivalent(&format!("{}2", "2^".repeat(60)), "2"));
    assert!(!equivalent(&format!("{}2", "square root of ".repeat(20)), "1"));
}

#[test]
fn two_long_lists_are_compared_item_by_item() {
    let list = |from: u32| (from..from + 190).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    assert!(equivalent(&list(100), &list(100)));
    assert!(!equivalent(&list(100), &list(101)));
    let commas = format!("{}2", "1,".repeat(100_000));
    assert!(equivalent(&commas, &commas) && !equivalent(&commas, "3"));
}
