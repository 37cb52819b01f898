//! What is different each time: random texts, identifiers, numbers. All randomness comes from the host.

use std::rc::Rc;

use base64::{Engine, engine::general_purpose::STANDARD};
use gotemplate::{FuncError, Funcs, Type, Value};

use crate::{Host, call::fixed, hashes::hex};

const I: Type = Type::Int;

/// What 256 random bytes cost.
const STEPS_A_BUFFER: u64 = 4;

/// Which characters a text is made of.
type Wanted = fn(u8) -> bool;

pub(crate) fn add(funcs: &mut Funcs, host: &Rc<dyn Host>) {
    let kinds: [(&'static str, Wanted); 4] = [
        ("randAlphaNum", |byte| byte.is_ascii_alphanumeric()),
        ("randAlpha", |byte| byte.is_ascii_alphabetic()),
        ("randNumeric", |byte| byte.is_ascii_digit()),
        ("randAscii", |byte| (32..127).contains(&byte)),
    ];
    for (name, wanted) in kinds {
        let host = Rc::clone(host);
        fixed(funcs, name, &[I], move |call| {
            let count = usize::try_from(call.int(0)).unwrap_or(0);
            call.session().allow(count as u64)?;
            let step = || call.session().step(STEPS_A_BUFFER).map_err(FuncError::from);
            Ok(Value::string(text(host.as_ref(), count, wanted, &step)?))
        });
    }
    add_numbers(funcs, host);
}

fn add_numbers(funcs: &mut Funcs, host: &Rc<dyn Host>) {
    let own = Rc::clone(host);
    fixed(funcs, "randInt", &[I, I], move |call| {
        let (low, high) = (call.int(0), call.int(1));
        if high <= low {
            return Err("invalid argument to Intn".into());
        }
        let offset = below(own.as_ref(), low.abs_diff(high))?;
        Ok(Value::Int(low.wrapping_add_unsigned(offset)))
    });
    let own = Rc::clone(host);
    fixed(funcs, "randBytes", &[I], move |call| {
        let Ok(count) = usize::try_from(call.int(0)) else {
            return Err("runtime error: makeslice: len out of range".into());
        };
        call.session().allow(count as u64 * 2)?;
        let mut bytes = vec![0; count];
        own.random(&mut bytes)?;
        Ok(Value::string(STANDARD.encode(bytes)))
    });
    let own = Rc::clone(host);
    fixed(funcs, "uuidv4", &[], move |_| Ok(uuid(own.as_ref())?.into()));
    let own = Rc::clone(host);
    fixed(funcs, "shuffle", &[Type::String], move |call| {
        let mut chars: Vec<char> = call.text(0).chars().collect();
        call.session().step(chars.len() as u64 / 8)?;
        for last in (1..chars.len()).rev() {
            let other = usize::try_from(below(own.as_ref(), last as u64 + 1)?).unwrap_or_default();
            chars.swap(last, other);
        }
        Ok(Value::string(chars.into_iter().collect::<String>()))
    });
}

/// Characters picked evenly: random bytes that are not wanted are thrown away.
///
/// Each buffer counts steps, so that a host without randomness ends at the limit and not never.
fn text(
    host: &dyn Host,
    count: usize,
    wanted: Wanted,
    step: &dyn Fn() -> Result<(), FuncError>,
) -> Result<String, FuncError> {
    let mut text = String::with_capacity(count);
    let mut buffer = [0; 256];
    while text.len() < count {
        step()?;
        host.random(&mut buffer)?;
        let picked = buffer.iter().map(|byte| byte & 0x7f).filter(|byte| wanted(*byte)).map(char::from);
        text.extend(picked.take(count - text.len()));
    }
    Ok(text)
}

/// A number below `end`, which is not 0; the bias is below 2⁻⁶⁴.
fn below(host: &dyn Host, end: u64) -> Result<u64, FuncError> {
    let mut bytes = [0; 16];
    host.random(&mut bytes)?;
    Ok(u64::try_from(u128::from_be_bytes(bytes) % u128::from(end.max(1))).unwrap_or_default())
}

fn uuid(host: &dyn Host) -> Result<String, FuncError> {
    let mut bytes = [0; 16];
    host.random(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    Ok(format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]))
}
