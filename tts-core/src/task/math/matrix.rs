//! Sums and products of matrices in a formula.
//!
//! Cells stay formulas under sums and scalar factors; a product of matrices is multiplied out at
//! once, which needs rational cells, so that a long product of small matrices stays small.

use super::expression::Expr;
use super::polynomial::Polynomial;

/// Cells by rows.
type Rows = Vec<Vec<Expr>>;

/// The matrix that a formula with matrices comes to.
pub(super) fn matrix(expr: &Expr) -> Option<Rows> {
    match expr {
        Expr::Matrix(rows) => (rows.len() <= 16).then(|| rows.clone()),
        Expr::Sum(terms) => {
            let mut terms = terms.iter();
            let mut out = matrix(terms.next()?)?;
            for term in terms {
                let other = matrix(term)?;
                if other.len() != out.len() || other.first()?.len() != out.first()?.len() {
                    return None;
                }
                for (cell, more) in out.iter_mut().flatten().zip(other.into_iter().flatten()) {
                    *cell = Expr::Sum(vec![cell.clone(), more]);
                }
            }
            Some(out)
        }
        Expr::Product(factors) => {
            let mut out: Option<Rows> = None;
            let mut scale = Vec::new();
            for factor in factors {
                let Some(next) = matrix(factor) else {
                    Polynomial::of(factor)?;
                    scale.push(factor.clone());
                    continue;
                };
                out = Some(match out {
                    None => next,
                    Some(rows) => multiplied(&rows, &next)?,
                });
            }
            let mut out = out?;
            if !scale.is_empty() {
                for cell in out.iter_mut().flatten() {
                    let mut factors = scale.clone();
                    factors.push(cell.clone());
                    *cell = Expr::Product(factors);
                }
            }
            Some(out)
        }
        _ => None,
    }
}

fn multiplied(a: &Rows, b: &Rows) -> Option<Rows> {
    let width = b.first()?.len();
    let mut out = Vec::new();
    for row in a {
        if row.len() != b.len() || width > 16 {
            return None;
        }
        let cell = |column: usize| -> Option<Expr> {
            let terms: Option<Vec<Expr>> = row
                .iter()
                .zip(b)
                .map(|(x, line)| Some(Expr::Product(vec![x.clone(), line.get(column)?.clone()])))
                .collect();
            // Multiplied out at once, so that long products stay small.
            let polynomial = Polynomial::of(&Expr::Sum(terms?))?;
            Some(Expr::Number(polynomial.rational()?, None))
        };
        out.push((0..width).map(cell).collect::<Option<Vec<_>>>()?);
    }
    Some(out)
}
