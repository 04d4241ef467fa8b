//! The four operations on whole numbers.
//!
//! Arithmetic is checked: a division that leaves a rest, a division by zero and a result beyond 64
//! bits have no value. Nothing is ever rounded.

/// One of the four operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl Operation {
    /// All four, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Add, Self::Subtract, Self::Multiply, Self::Divide];

    /// Its sign in text.
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
            Self::Divide => '/',
        }
    }

    /// The operation of a sign; `x`, `×`, `·`, `−`, `÷` and `:` are known too.
    pub fn of_sign(sign: char) -> Option<Self> {
        match sign {
            '+' => Some(Self::Add),
            '-' | '−' => Some(Self::Subtract),
            '*' | 'x' | '×' | '·' => Some(Self::Multiply),
            '/' | '÷' | ':' => Some(Self::Divide),
            _ => None,
        }
    }

    /// Whether it is done before additions and subtractions.
    pub fn binds_first(self) -> bool {
        matches!(self, Self::Multiply | Self::Divide)
    }

    /// Its result; `None` for a division that is not exact, and beyond 64 bits.
    ///
    /// ```
    /// use tts_core::family::Operation;
    /// assert_eq!(Operation::Divide.apply(12, 4), Some(3));
    /// assert_eq!(Operation::Divide.apply(12, 5), None);
    /// assert_eq!(Operation::Divide.apply(12, 0), None);
    /// ```
    pub fn apply(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Self::Add => a.checked_add(b),
            Self::Subtract => a.checked_sub(b),
            Self::Multiply => a.checked_mul(b),
            Self::Divide => a.checked_rem(b).filter(|&rest| rest == 0).and(a.checked_div(b)),
        }
    }
}
