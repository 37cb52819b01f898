//! Numbers: whole, floating and exact decimal.

use gotemplate::{FuncError, Funcs, Type, Value, sprint};

use crate::{
    call::{Answer, Call, fixed, to_string, variadic},
    cast::{parse_int, to_float64, to_int64},
    decimal::{self, Op},
    strings::ints,
};

const ANY: Type = Type::Any;
const I: Type = Type::Int;

pub(crate) fn add(funcs: &mut Funcs) {
    add_conversions(funcs);
    add_whole(funcs);
    add_floating(funcs);
    add_sequences(funcs);
}

fn add_conversions(funcs: &mut Funcs) {
    fixed(funcs, "int", &[ANY], |call| Ok(Value::Int(to_int64(call.value(0)))));
    fixed(funcs, "int64", &[ANY], |call| Ok(Value::Int64(to_int64(call.value(0)))));
    fixed(funcs, "float64", &[ANY], |call| Ok(Value::Float(to_float64(call.value(0)))));
    fixed(funcs, "toDecimal", &[ANY], |call| {
        let text = sprint(std::slice::from_ref(call.value(0)))?;
        Ok(Value::Int64(parse_int(&text.text(), 8).unwrap_or_default()))
    });
}

fn numbers<'c>(call: &Call<'c>) -> impl Iterator<Item = i64> + use<'c> {
    call.values.iter().map(to_int64)
}

fn floats<'c>(call: &Call<'c>) -> impl Iterator<Item = f64> + use<'c> {
    call.values.iter().map(to_float64)
}

fn add_whole(funcs: &mut Funcs) {
    fixed(funcs, "add1", &[ANY], |call| Ok(Value::Int64(to_int64(call.value(0)).wrapping_add(1))));
    variadic(funcs, "add", &[], ANY, |call| Ok(Value::Int64(numbers(call).fold(0, i64::wrapping_add))));
    variadic(funcs, "mul", &[ANY], ANY, |call| Ok(Value::Int64(numbers(call).fold(1, i64::wrapping_mul))));
    fixed(funcs, "sub", &[ANY, ANY], |call| {
        Ok(Value::Int64(to_int64(call.value(0)).wrapping_sub(to_int64(call.value(1)))))
    });
    fixed(funcs, "div", &[ANY, ANY], |call| divide(call, i64::wrapping_div));
    fixed(funcs, "mod", &[ANY, ANY], |call| divide(call, i64::wrapping_rem));
    for name in ["max", "biggest"] {
        variadic(funcs, name, &[ANY], ANY, |call| Ok(Value::Int64(numbers(call).max().unwrap_or_default())));
    }
    variadic(funcs, "min", &[ANY], ANY, |call| Ok(Value::Int64(numbers(call).min().unwrap_or_default())));
}

fn divide(call: &Call<'_>, divide: fn(i64, i64) -> i64) -> Answer {
    match to_int64(call.value(1)) {
        0 => Err("runtime error: integer divide by zero".into()),
        by => Ok(Value::Int64(divide(to_int64(call.value(0)), by))),
    }
}

fn add_floating(funcs: &mut Funcs) {
    fixed(funcs, "floor", &[ANY], |call| Ok(Value::Float(to_float64(call.value(0)).floor())));
    fixed(funcs, "ceil", &[ANY], |call| Ok(Value::Float(to_float64(call.value(0)).ceil())));
    variadic(funcs, "round", &[ANY, I], Type::Float64, |call| {
        let on = call.values.get(2).map_or(0.5, to_float64);
        Ok(Value::Float(round(to_float64(call.value(0)), call.int(1), on)))
    });
    variadic(funcs, "maxf", &[ANY], ANY, |call| {
        Ok(Value::Float(floats(call).reduce(go_max).unwrap_or_default()))
    });
    variadic(funcs, "minf", &[ANY], ANY, |call| {
        Ok(Value::Float(floats(call).reduce(go_min).unwrap_or_default()))
    });
    fixed(funcs, "add1f", &[ANY], |call| {
        decimal::fold(to_float64(call.value(0)), [1.0], Op::Add).map(Value::Float).map_err(FuncError::from)
    });
    variadic(funcs, "addf", &[], ANY, |call| exact(0.0, floats(call), Op::Add));
    let from_first = [("subf", Op::Sub), ("mulf", Op::Mul), ("divf", Op::Div)];
    for (name, op) in from_first {
        variadic(funcs, name, &[ANY], ANY, move |call| {
            exact(to_float64(call.value(0)), floats(call).skip(1), op)
        });
    }
}

fn exact(first: f64, rest: impl IntoIterator<Item = f64>, op: Op) -> Answer {
    Ok(Value::Float(decimal::fold(first, rest, op)?))
}

fn go_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if b.total_cmp(&a).is_gt() {
        b
    } else {
        a
    }
}

fn go_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if b.total_cmp(&a).is_lt() {
        b
    } else {
        a
    }
}

/// Sprig's rounding: away from zero only above it, because the fraction of a negative number is negative.
#[expect(clippy::cast_precision_loss, reason = "Go converts so")]
fn round(value: f64, places: i64, on: f64) -> f64 {
    let power = 10f64.powf(places as f64);
    let digit = power * value;
    let rounded = if digit.fract() >= on { digit.ceil() } else { digit.floor() };
    rounded / power
}

fn add_sequences(funcs: &mut Funcs) {
    fixed(funcs, "until", &[I], |call| {
        let end = call.int(0);
        Ok(ints(until(call, 0, end, if end < 0 { -1 } else { 1 })?))
    });
    fixed(funcs, "untilStep", &[I, I, I], |call| {
        Ok(ints(until(call, call.int(0), call.int(1), call.int(2))?))
    });
    variadic(funcs, "seq", &[], I, seq);
}

fn until(call: &Call<'_>, start: i64, end: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    if (end < start && step >= 0) || (end >= start && step <= 0) {
        return Ok(Vec::new());
    }
    let span = start.abs_diff(end);
    call.session().allow_items(usize::try_from(span / step.unsigned_abs()).unwrap_or(usize::MAX))?;
    call.session().step(span / step.unsigned_abs() / 8)?;
    let mut numbers = Vec::new();
    let mut at = start;
    while if step < 0 { at > end } else { at < end } {
        numbers.push(at);
        match at.checked_add(step) {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(numbers)
}

fn seq(call: &Call<'_>) -> Answer {
    let given: Vec<i64> = call.values.iter().filter_map(Value::signed).collect();
    let direction = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let (start, step, end) = match given[..] {
        [end] => (1, direction(1, end), end),
        [start, end] => (start, direction(start, end), end),
        [start, step, end] if end < start && step > 0 => return Ok("".into()),
        [start, step, end] => (start, step, end),
        _ => return Ok("".into()),
    };
    let last = end.saturating_add(direction(start, end));
    let numbers = until(call, start, last, step)?;
    let texts: Result<Vec<_>, _> = numbers.into_iter().map(|n| to_string(&Value::Int(n))).collect();
    Ok(Value::string(texts?.join(&b" "[..])))
}
