//! Go's `time.Time` as templates see it.

use gotemplate::{Context, FuncError, HostObject, Signature, Type, Value};
use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

use super::{duration, layout};

/// A moment with the zone it is told in.
#[derive(Clone)]
pub(super) struct Time {
    pub(super) at: Timestamp,
    pub(super) zone: TimeZone,
}

/// Seconds from year 1 to 1970.
const YEAR_ONE: i64 = -62_135_596_800;

impl Time {
    /// Go's zero time: year 1, UTC.
    pub(super) fn zero() -> Self {
        Self { at: Timestamp::from_second(YEAR_ONE).unwrap_or(Timestamp::MIN), zone: TimeZone::UTC }
    }

    /// Seconds since 1970, rounded down.
    pub(super) fn unix(&self) -> i64 {
        self.at.as_second() - i64::from(self.at.subsec_nanosecond() < 0)
    }

    pub(super) fn zoned(&self) -> Zoned {
        self.at.to_zoned(self.zone.clone())
    }

    fn part(&self, name: &str) -> Option<Value> {
        let time = self.zoned();
        Some(match name {
            "Unix" => Value::Int64(self.unix()),
            "UnixMilli" => Value::Int64(self.at.as_millisecond()),
            "UnixMicro" => Value::Int64(self.at.as_microsecond()),
            "UnixNano" => Value::Int64(i64::try_from(self.at.as_nanosecond()).unwrap_or_default()),
            "Year" => Value::Int(i64::from(time.year())),
            "Day" => Value::Int(i64::from(time.day())),
            "YearDay" => Value::Int(i64::from(time.day_of_year())),
            "Hour" => Value::Int(i64::from(time.hour())),
            "Minute" => Value::Int(i64::from(time.minute())),
            "Second" => Value::Int(i64::from(time.second())),
            "Nanosecond" => Value::Int(i64::from(time.subsec_nanosecond())),
            "Month" => Value::object(Name {
                number: i64::from(time.month()),
                kind: "time.Month",
                name: layout::month(&time),
            }),
            "Weekday" => {
                let number = i64::from(time.weekday().to_sunday_zero_offset());
                Value::object(Name { number, kind: "time.Weekday", name: layout::weekday(&time) })
            }
            "IsZero" => Value::Bool(self.at.as_second() == YEAR_ONE && self.at.subsec_nanosecond() == 0),
            "UTC" => Value::object(Self { at: self.at, zone: TimeZone::UTC }),
            "Local" => Value::object(self.clone()),
            "String" => layout::format(self, layout::STRING).into(),
            _ => return None,
        })
    }
}

impl HostObject for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn text(&self) -> Option<String> {
        Some(layout::format(self, layout::STRING))
    }

    fn json(&self) -> Option<Value> {
        Some(layout::format(self, layout::RFC3339_NANO).into())
    }

    fn equals(&self, other: &dyn HostObject) -> bool {
        let other: &dyn std::any::Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| other.at == self.at)
    }

    fn method(&self, name: &str) -> Option<Signature> {
        match name {
            "Format" => Some(Signature::fixed(&[Type::String])),
            "AddDate" => Some(Signature::fixed(&[Type::Int, Type::Int, Type::Int])),
            "After" | "Before" | "Equal" | "Sub" => Some(Signature::fixed(&[Type::Object("time.Time")])),
            name => self.part(name).map(|_| Signature::fixed(&[])),
        }
    }

    fn call(&self, name: &str, _: &Context<'_>, arguments: &[Value]) -> Result<Value, FuncError> {
        if let Some(part) = self.part(name) {
            return Ok(part);
        }
        if name == "AddDate" {
            return self.add_date(arguments);
        }
        if name == "Format" {
            let layout = arguments.first().and_then(Value::as_string).cloned().unwrap_or_default();
            return Ok(Value::string(layout::format(self, &layout.text())));
        }
        let Some(other) = arguments.first().and_then(Value::downcast::<Self>) else {
            return Err(crate::call::NIL.into());
        };
        Ok(match name {
            "After" => Value::Bool(self.at > other.at),
            "Before" => Value::Bool(self.at < other.at),
            "Equal" => Value::Bool(self.at == other.at),
            _ => {
                let span: SignedDuration = self.at.duration_since(other.at);
                let nanoseconds = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
                Value::object(Name {
                    number: nanoseconds,
                    kind: "time.Duration",
                    name: duration::shown(nanoseconds),
                })
            }
        })
    }
}

impl Time {
    fn add_date(&self, arguments: &[Value]) -> Result<Value, FuncError> {
        let number = |index: usize| arguments.get(index).and_then(Value::signed).unwrap_or_default();
        let span = jiff::Span::new().try_years(number(0)).and_then(|span| span.try_months(number(1)));
        let span = span.and_then(|span| span.try_days(number(2)));
        let moved = span.and_then(|span| self.zoned().checked_add(span));
        moved
            .map(|moved| Value::object(Self { at: moved.timestamp(), zone: self.zone.clone() }))
            .map_err(|_| "time out of range".into())
    }
}

/// A number that prints as a name: a month, a weekday, a duration.
struct Name {
    number: i64,
    kind: &'static str,
    name: String,
}

impl HostObject for Name {
    fn type_name(&self) -> &'static str {
        self.kind
    }

    fn text(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::Int64(self.number))
    }

    fn json(&self) -> Option<Value> {
        self.underlying()
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "String").then_some(Signature::fixed(&[]))
    }

    fn call(&self, _: &str, _: &Context<'_>, _: &[Value]) -> Result<Value, FuncError> {
        Ok(self.name.as_str().into())
    }
}
