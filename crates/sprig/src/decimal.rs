//! Exact decimal arithmetic on floats, as shopspring/decimal does it for `addf` and its like.

/// A number `digits × 10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: i128,
    exponent: i32,
}

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Div,
}

/// Digits behind the point that a division keeps.
const DIVISION_DIGITS: i32 = 16;

impl Decimal {
    /// The shortest decimal that reads back as the float.
    fn from_float(f: f64) -> Result<Self, String> {
        if !f.is_finite() {
            let name = if f.is_nan() {
                "NaN"
            } else if f > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(format!("Cannot create a Decimal from {name}"));
        }
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits = mantissa.replace('.', "").parse().unwrap_or_default();
        let exponent =
            exponent.parse::<i32>().unwrap_or_default() - i32::try_from(fraction).unwrap_or_default();
        Ok(Self { digits, exponent })
    }

    fn to_float(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    fn at(self, exponent: i32) -> Option<i128> {
        let shift = u32::try_from(self.exponent.checked_sub(exponent)?).ok()?;
        10i128.checked_pow(shift)?.checked_mul(self.digits)
    }
}

/// Applies an operation from left to right.
pub(crate) fn fold(first: f64, rest: impl IntoIterator<Item = f64>, op: Op) -> Result<f64, String> {
    let mut result = Decimal::from_float(first)?;
    for next in rest {
        let next = Decimal::from_float(next)?;
        result = match op.exactly(result, next)? {
            Some(exact) => exact,
            None => Decimal::from_float(op.in_floats(result.to_float(), next.to_float()))?,
        };
    }
    Ok(result.to_float())
}

impl Op {
    /// `None` when the result has more digits than fit.
    fn exactly(self, a: Decimal, b: Decimal) -> Result<Option<Decimal>, &'static str> {
        match self {
            Self::Add => Ok(add(a, b)),
            Self::Sub => Ok(add(a, Decimal { digits: -b.digits, ..b })),
            Self::Mul => Ok(mul(a, b)),
            Self::Div => div(a, b),
        }
    }

    fn in_floats(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
        }
    }
}

fn add(a: Decimal, b: Decimal) -> Option<Decimal> {
    let exponent = a.exponent.min(b.exponent);
    let digits = a.at(exponent)?.checked_add(b.at(exponent)?)?;
    Some(Decimal { digits, exponent })
}

fn mul(a: Decimal, b: Decimal) -> Option<Decimal> {
    let digits = a.digits.checked_mul(b.digits)?;
    Some(Decimal { digits, exponent: a.exponent + b.exponent })
}

/// Rounds half away from zero.
fn div(a: Decimal, b: Decimal) -> Result<Option<Decimal>, &'static str> {
    if b.digits == 0 {
        return Err("decimal division by 0");
    }
    let shift = DIVISION_DIGITS + a.exponent - b.exponent;
    let power = |shift: i32| u32::try_from(shift).ok().and_then(|shift| 10i128.checked_pow(shift));
    let (numerator, denominator) = if shift >= 0 {
        (power(shift).and_then(|power| a.digits.checked_mul(power)), Some(b.digits))
    } else {
        (Some(a.digits), power(-shift).and_then(|power| b.digits.checked_mul(power)))
    };
    let Some((numerator, denominator)) = numerator.zip(denominator) else { return Ok(None) };
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let up = rest != 0 && rest.unsigned_abs() >= denominator.unsigned_abs() - rest.unsigned_abs();
    let away = if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
    let digits = if up { quotient + away } else { quotient };
    Ok(Some(Decimal { digits, exponent: -DIVISION_DIGITS }))
}

#[cfg(test)]
mod tests {
    use super::{Op, fold};

    #[test]
    fn decimals_add_without_the_errors_of_floats() {
        assert_eq!(fold(0.1, [0.2], Op::Add), Ok(0.3));
        assert_eq!(fold(1.1, [2.2], Op::Mul), Ok(2.42));
        assert_eq!(fold(1.0, [0.9], Op::Sub), Ok(0.1));
        assert_eq!(fold(1.0, [3.0], Op::Div), Ok(0.333_333_333_333_333_3));
        assert!(fold(1.0, [0.0], Op::Div).is_err());
    }

    #[test]
    fn what_does_not_fit_is_computed_in_floats() {
        assert_eq!(fold(1e300, [1e-300], Op::Add), Ok(1e300));
        assert_eq!(fold(1.0, [1e300], Op::Sub), Ok(-1e300));
        assert_eq!(fold(1.234_567_890_123, [1.1; 40], Op::Mul).map(|f| (f * 1e6).round()), Ok(55_875_624.0));
        assert_eq!(fold(1e300, [3e-7], Op::Div).map(|f| (f / 1e305).round()), Ok(33.0));
    }
}
