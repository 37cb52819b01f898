//! Reads an OTLP export request back, in the form of the recordings.

use serde_json::{Value, json};

struct Field<'a> {
    number: u64,
    value: Wire<'a>,
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(size)?;
    *bytes = rest;
    Some(taken)
}

fn fields(mut bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            1 => Wire::Number(u64::from_le_bytes(take(&mut bytes, 8)?.try_into().ok()?)),
            2 => {
                let size = varint(&mut bytes)?;
                Wire::Bytes(take(&mut bytes, usize::try_from(size).ok()?)?)
            }
            5 => Wire::Number(u32::from_le_bytes(take(&mut bytes, 4)?.try_into().ok()?).into()),
            _ => return None,
        };
        fields.push(Field { number: tag >> 3, value });
    }
    Some(fields)
}

/// How a field is shown.
#[derive(Clone, Copy)]
enum Shape {
    Text(&'static str),
    Hex(&'static str),
    Number(&'static str),
    Masked(&'static str, &'static str),
    One(&'static str, &'static [(u64, Shape)]),
    Many(&'static str, &'static [(u64, Shape)]),
}

const ANY: &[(u64, Shape)] = &[(1, Shape::Text("stringValue"))];
const ATTRIBUTE: &[(u64, Shape)] = &[(1, Shape::Text("key")), (2, Shape::One("value", ANY))];
const STATUS: &[(u64, Shape)] = &[(2, Shape::Text("message")), (3, Shape::Number("code"))];
const SPAN: &[(u64, Shape)] = &[
    (1, Shape::Hex("traceId")),
    (2, Shape::Masked("spanId", "<random span id>")),
    (5, Shape::Text("name")),
    (6, Shape::Number("kind")),
    (7, Shape::Number("startTimeUnixNano")),
    (8, Shape::Masked("endTimeUnixNano", "<now>")),
    (9, Shape::Many("attributes", ATTRIBUTE)),
    (15, Shape::One("status", STATUS)),
    (16, Shape::Number("flags")),
];
const SCOPE: &[(u64, Shape)] = &[(1, Shape::Text("name"))];
const SCOPED: &[(u64, Shape)] = &[(1, Shape::One("scope", SCOPE)), (2, Shape::Many("spans", SPAN))];
const RESOURCE: &[(u64, Shape)] = &[(1, Shape::Many("attributes", ATTRIBUTE))];
const SPANS: &[(u64, Shape)] = &[
    (1, Shape::One("resource", RESOURCE)),
    (2, Shape::Many("scopeSpans", SCOPED)),
    (3, Shape::Text("schemaUrl")),
];
const REQUEST: &[(u64, Shape)] = &[(1, Shape::Many("resourceSpans", SPANS))];

/// The request as JSON; none when it is no such message.
pub(crate) fn decode(bytes: &[u8]) -> Option<Value> {
    shown(bytes, REQUEST)
}

fn shown(bytes: &[u8], shapes: &[(u64, Shape)]) -> Option<Value> {
    let mut object = json!({});
    for field in fields(bytes)? {
        let (_, shape) = shapes.iter().find(|(number, _)| *number == field.number)?;
        match (shape, field.value) {
            (Shape::Text(name), Wire::Bytes(bytes)) => {
                object[*name] = std::str::from_utf8(bytes).ok()?.into()
            }
            (Shape::Hex(name), Wire::Bytes(bytes)) => {
                object[*name] = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
            }
            (Shape::Number(name), Wire::Number(number)) => object[*name] = number.into(),
            (Shape::Masked(name, mask), _) => object[*name] = (*mask).into(),
            (Shape::One(name, shapes), Wire::Bytes(bytes)) => object[*name] = shown(bytes, shapes)?,
            (Shape::Many(name, shapes), Wire::Bytes(bytes)) => {
                if object[*name].is_null() {
                    object[*name] = json!([]);
                }
                object[*name].as_array_mut()?.push(shown(bytes, shapes)?);
            }
            _ => return None,
        }
    }
    Some(object)
}
