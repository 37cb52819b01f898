//! Times and durations.

mod duration;
mod layout;
mod time;

use std::rc::Rc;

use gotemplate::{FuncError, Funcs, Type, Value};
use jiff::{Timestamp, tz::TimeZone};

use self::time::Time;
use crate::{
    Host,
    call::{Answer, Call, fixed},
    cast::parse_int,
};

const ANY: Type = Type::Any;
const S: Type = Type::String;
const TIME: Type = Type::Object("time.Time");

pub(crate) fn add(funcs: &mut Funcs, host: &Rc<dyn Host>) {
    add_printing(funcs, host);
    add_reading(funcs, host);
    add_durations(funcs, host);
}

/// What Sprig takes for a time; anything else is now.
fn instant(host: &dyn Host, value: &Value) -> Timestamp {
    if let Some(time) = value.downcast::<Time>() {
        return time.at;
    }
    let seconds = match value {
        Value::Int(n) | Value::Int64(n) => Some(*n),
        Value::Int32(n) => Some(i64::from(*n)),
        _ => None,
    };
    seconds.map_or_else(|| host.now(), |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

fn zone(host: &dyn Host, name: &str) -> TimeZone {
    match name {
        "" | "UTC" => TimeZone::UTC,
        "Local" => host.local_zone(),
        name => host.time_zone(name).unwrap_or(TimeZone::UTC),
    }
}

fn in_zone(host: &dyn Host, layout: &str, date: &Value, zone_name: &str) -> Value {
    let time = Time { at: instant(host, date), zone: zone(host, zone_name) };
    Value::string(layout::format(&time, layout))
}

fn add_printing(funcs: &mut Funcs, host: &Rc<dyn Host>) {
    const HTML: &str = "2006-01-02";
    let own = Rc::clone(host);
    fixed(funcs, "now", &[], move |_| Ok(Value::object(Time { at: own.now(), zone: own.local_zone() })));
    let own = Rc::clone(host);
    fixed(funcs, "date", &[S, ANY], move |call| {
        Ok(in_zone(own.as_ref(), &call.text(0), call.value(1), "Local"))
    });
    for name in ["dateInZone", "date_in_zone"] {
        let own = Rc::clone(host);
        fixed(funcs, name, &[S, ANY, S], move |call| {
            Ok(in_zone(own.as_ref(), &call.text(0), call.value(1), &call.text(2)))
        });
    }
    let own = Rc::clone(host);
    fixed(funcs, "htmlDate", &[ANY], move |call| Ok(in_zone(own.as_ref(), HTML, call.value(0), "Local")));
    let own = Rc::clone(host);
    fixed(funcs, "htmlDateInZone", &[ANY, S], move |call| {
        Ok(in_zone(own.as_ref(), HTML, call.value(0), &call.text(1)))
    });
    fixed(funcs, "unixEpoch", &[TIME], |call| Ok(Value::string(own_time(call, 0).unix().to_string())));
}

/// A time of TOML, which is RFC 3339's.
pub(crate) fn rfc3339(text: &str) -> Option<Value> {
    layout::parse(layout::RFC3339_NANO, text, &TimeZone::UTC).ok().map(Value::object)
}

/// An argument whose signature says that it is a time.
fn own_time(call: &Call<'_>, index: usize) -> Time {
    call.value(index).downcast::<Time>().cloned().unwrap_or_else(Time::zero)
}

fn add_reading(funcs: &mut Funcs, host: &Rc<dyn Host>) {
    for (name, must) in [("toDate", false), ("mustToDate", true)] {
        let own = Rc::clone(host);
        fixed(funcs, name, &[S, S], move |call| {
            match layout::parse(&call.text(0), &call.text(1), &own.local_zone()) {
                Ok(time) => Ok(Value::object(time)),
                Err(error) if must => Err(error.into()),
                Err(_) => Ok(Value::object(Time::zero())),
            }
        });
    }
    let names =
        [("dateModify", false), ("date_modify", false), ("mustDateModify", true), ("must_date_modify", true)];
    for (name, must) in names {
        fixed(funcs, name, &[S, TIME], move |call| modify(call, must));
    }
}

fn modify(call: &Call<'_>, must: bool) -> Answer {
    let time = own_time(call, 1);
    match duration::parse(&call.text(0)) {
        Ok(nanoseconds) => {
            let by = jiff::SignedDuration::from_nanos(nanoseconds);
            let at = time.at.checked_add(by).map_err(|_| FuncError::from("time out of range"))?;
            Ok(Value::object(Time { at, zone: time.zone }))
        }
        Err(error) if must => Err(error.into()),
        Err(_) => Ok(Value::object(time)),
    }
}

/// Nanoseconds from a time until now, as long as they fit.
fn since(host: &dyn Host, at: Timestamp) -> i64 {
    let nanoseconds = host.now().as_nanosecond() - at.as_nanosecond();
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

fn add_durations(funcs: &mut Funcs, host: &Rc<dyn Host>) {
    let own = Rc::clone(host);
    fixed(funcs, "ago", &[ANY], move |call| {
        let at = match call.value(0) {
            Value::Int32(_) => own.now(),
            other => instant(own.as_ref(), other),
        };
        Ok(Value::string(duration::shown(duration::round_to_second(since(own.as_ref(), at)))))
    });
    fixed(funcs, "duration", &[ANY], |call| {
        let seconds = match call.value(0) {
            Value::String(text) => parse_int(&text.text(), 10).unwrap_or_default(),
            Value::Int64(seconds) => *seconds,
            _ => 0,
        };
        Ok(Value::string(duration::shown(seconds.wrapping_mul(1_000_000_000))))
    });
    let own = Rc::clone(host);
    fixed(funcs, "durationRound", &[ANY], move |call| {
        let nanoseconds = match call.value(0) {
            Value::String(text) => duration::parse(&text.text()).unwrap_or_default(),
            Value::Int64(nanoseconds) => *nanoseconds,
            other => other.downcast::<Time>().map_or(0, |time| since(own.as_ref(), time.at)),
        };
        Ok(Value::string(duration::rounded(nanoseconds)))
    });
}
