//! Lists whose elements pair up in one way only, and rounding on either side.

use super::agreed;

/// Two thirds fit both decimals, the other fraction one of them: whoever takes it first gives way.
#[test]
fn the_first_partner_may_be_given_up() {
    for (gold, pred) in [
        (r"\frac{2}{3}, \frac{666667}{1000000}", "0.666667, 0.66666667"),
        (r"\frac{666667}{1000000}, \frac{2}{3}", "0.666667, 0.66666667"),
        (r"\frac{2}{3}, \frac{666667}{1000000}", "0.66666667, 0.666667"),
    ] {
        assert_eq!(agreed(gold, pred), Ok(true), "{gold} {pred}");
    }
    // One decimal cannot serve both.
    assert_eq!(agreed(r"\frac{2}{3}, \frac{666667}{1000000}", "0.66666667, 0.66666668"), Ok(false));
}

#[test]
fn either_side_may_be_the_rounded_one() {
    for (exact, decimal) in [(r"\frac{2}{3}", "0.666667"), (r"\sqrt{2}", "1.414214")] {
        assert_eq!(agreed(exact, decimal), Ok(true), "{exact} {decimal}");
        assert_eq!(agreed(decimal, exact), Ok(true), "{decimal} {exact}");
    }
    assert_eq!(agreed(r"\frac{2}{3}", "0.666666"), Ok(false));
}
