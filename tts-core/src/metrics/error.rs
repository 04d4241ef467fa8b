//! What can be wrong with the input of a metric.
//!
//! Each variant names the field, so that a message is useful without the call at hand.

/// An input from which no metric can be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Nothing to compute a metric of.
    #[error("`{field}` is empty")]
    Empty {
        /// The empty field.
        field: &'static str,
    },
    /// Two fields that describe the same things differ in length.
    #[error("`{field}` has {found} entries where {expected} are expected")]
    Length {
        /// The field of unexpected length.
        field: &'static str,
        /// The length of the field it belongs to.
        expected: usize,
        /// Its own length.
        found: usize,
    },
    /// A number that cannot be averaged or ranked.
    #[error("`{field}[{index}]` is {value}")]
    BadNumber {
        /// The field that holds the number.
        field: &'static str,
        /// Where in the field.
        index: usize,
        /// The number: `NaN`, an infinity where finite numbers are needed, or outside [0, 1] where
        /// probabilities are.
        value: f64,
    },
    /// A count outside its bounds.
    #[error("`{field}` is {value}, outside {least}..={most}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        value: usize,
        /// The least value allowed.
        least: usize,
        /// The greatest value allowed.
        most: usize,
    },
    /// Right and wrong are to be told apart, and all are of one kind.
    #[error("`{field}` has no entry that is {missing}")]
    MissingClass {
        /// The field of labels.
        field: &'static str,
        /// The class without an entry: `right` or `wrong`, or what else is missing.
        missing: &'static str,
    },
    /// One entry of a list is bad in itself.
    #[error("in `{field}[{index}]`: {error}")]
    Entry {
        /// The list.
        field: &'static str,
        /// Where in the list.
        index: usize,
        /// What is wrong with the entry.
        error: Box<MetricError>,
    },
}

impl MetricError {
    /// Checks that a count lies within bounds.
    pub(crate) fn check_range(
        field: &'static str,
        value: usize,
        least: usize,
        most: usize,
    ) -> Result<(), Self> {
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(Self::OutOfRange { field, value, least, most })
        }
    }

    /// Checks that two fields of one thing have one length.
    pub(crate) fn check_length(
        field: &'static str,
        found: usize,
        expected: usize,
    ) -> Result<(), Self> {
        if found == expected { Ok(()) } else { Err(Self::Length { field, expected, found }) }
    }

    /// Checks that there are entries both right and wrong.
    pub(crate) fn check_classes(
        field: &'static str,
        right: usize,
        wrong: usize,
    ) -> Result<(), Self> {
        match (right, wrong) {
            (0, _) => Err(Self::MissingClass { field, missing: "right" }),
            (_, 0) => Err(Self::MissingClass { field, missing: "wrong" }),
            _ => Ok(()),
        }
    }

    /// Checks that there are values, all of them finite.
    pub(crate) fn check_finite(field: &'static str, values: &[f64]) -> Result<(), Self> {
        if values.is_empty() {
            return Err(Self::Empty { field });
        }
        match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            Some((index, &value)) => Err(Self::BadNumber { field, index, value }),
            None => Ok(()),
        }
    }
}
