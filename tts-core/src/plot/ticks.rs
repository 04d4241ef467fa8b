//! Round numbers along an axis, as many as there is room for.
//!
//! A linear axis has steps of 1, 2 or 5 times a power of ten. A logarithmic one has powers of its
//! base, every second or third where they would crowd; short of two decades 2 and 5 are labelled
//! as well, and an axis that holds no two powers is labelled like a linear one.
//!
//! Source: Heckbert 1990, Nice Numbers for Graph Labels, in Graphics Gems, pages 61-63.

use super::Scale;

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Where, in the axis's own coordinate.
    pub(super) coordinate: f64,
    /// The number in writing.
    pub(super) label: String,
}

/// The ticks between two ends in the scale's own coordinate, at most about `most` of them.
pub(super) fn ticks(scale: Scale, [low, high]: [f64; 2], most: usize) -> Vec<Tick> {
    let most = most.max(2);
    let found = match scale {
        Scale::Linear => linear([low, high], most),
        Scale::Log2 => powers([low, high], most, &[1], |_, power| Tick {
            coordinate: f64::from(power),
            label: power_of_two(power),
        }),
        Scale::Log10 => {
            let factors: &[u8] = if high - low < 2.0 { &[1, 2, 5] } else { &[1] };
            powers([low, high], most, factors, |factor, power| Tick {
                coordinate: f64::from(power) + f64::from(factor).log10(),
                label: decimal(factor, power),
            })
        }
    };
    if scale != Scale::Linear && found.len() < 2 {
        let between = linear([low, high].map(|end| scale.value(end)), most);
        let positive = between.into_iter().filter(|tick| tick.coordinate > 0.0);
        return positive
            .map(|tick| Tick { coordinate: scale.coordinate(tick.coordinate), ..tick })
            .collect();
    }
    found
}

/// Multiples of the smallest round step that gives no more than `most`.
fn linear([low, high]: [f64; 2], most: usize) -> Vec<Tick> {
    let span = high - low;
    // Ends of a logarithmic axis may meet, or leave the numbers, once they are raised again.
    if !(span > 0.0 && span.is_finite()) {
        return vec![];
    }
    let mut power = floor(span.log10()) - 2;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            let step = factor * 10_f64.powi(power);
            let (first, last) = ((low / step).ceil(), (high / step).floor());
            // A step lost to rounding gives no finite count, and the next one is tried.
            if last - first < most as f64 {
                let count = floor(last - first).max(-1) + 1;
                return (0..count)
                    .map(|index| {
                        let coordinate = multiple(first + f64::from(index), factor, power);
                        Tick {
                            coordinate,
                            label: number(coordinate, power, low.abs().max(high.abs())),
                        }
                    })
                    .collect();
            }
        }
        power += 1;
    }
}

/// `count * factor * 10^power`, rounded once.
fn multiple(count: f64, factor: f64, power: i32) -> f64 {
    if power < 0 {
        count * factor / 10_f64.powi(-power)
    } else {
        count * factor * 10_f64.powi(power)
    }
}

/// A multiple of `10^power` on an axis with numbers up to `greatest`.
fn number(value: f64, power: i32, greatest: f64) -> String {
    if value.abs() <= 0.0 {
        return "0".into();
    }
    if greatest < 1e6 && power >= -4 {
        let decimals = usize::try_from(-power).unwrap_or(0);
        return format!("{value:.decimals$}");
    }
    let digits = usize::try_from(floor(value.abs().log10() + 1e-9) - power).unwrap_or(0);
    let text = format!("{value:.digits$e}");
    match text.split_once('e') {
        Some((digits, power)) if digits.contains('.') => {
            format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// The powers between two ends, thinned to `most`, or with further factors if all of those fit.
fn powers(
    [low, high]: [f64; 2],
    most: usize,
    factors: &[u8],
    tick: impl Fn(u8, i32) -> Tick,
) -> Vec<Tick> {
    let inside = |factors: &[u8], stride: usize| -> Vec<Tick> {
        (floor(low)..=floor(high))
            .filter(|power| {
                usize::try_from(power.unsigned_abs()).unwrap_or(0).is_multiple_of(stride)
            })
            .flat_map(|power| factors.iter().map(move |&factor| (factor, power)))
            .map(|(factor, power)| tick(factor, power))
            // Ends that are powers themselves must not be lost to rounding.
            .filter(|tick| low - 1e-9 <= tick.coordinate && tick.coordinate <= high + 1e-9)
            .collect()
    };
    let all = inside(factors, 1);
    if all.len() <= most {
        return all;
    }
    let mut stride = 1;
    loop {
        let found = inside(&[1], stride);
        if found.len() <= most {
            return found;
        }
        stride += 1;
    }
}

/// A power of two in writing.
fn power_of_two(power: i32) -> String {
    if (-4..=16).contains(&power) {
        format!("{}", f64::from(power).exp2())
    } else {
        format!("2^{power}")
    }
}

/// `factor * 10^power` in writing.
fn decimal(factor: u8, power: i32) -> String {
    if (-3..=5).contains(&power) {
        let decimals = usize::try_from(-power).unwrap_or(0);
        format!("{:.decimals$}", f64::from(factor) * 10_f64.powi(power))
    } else {
        format!("{factor}e{power}")
    }
}

/// The greatest whole number not above.
fn floor(value: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and logarithms are small")]
    let floor = value.floor() as i32;
    floor
}

#[cfg(test)]
#[path = "ticks_tests.rs"]
mod tests;
