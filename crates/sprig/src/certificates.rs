//! Certificates as Go's crypto/x509 makes them for Sprig.

use core::net::IpAddr;
use std::rc::Rc;

use gotemplate::{Funcs, HostObject, List, Type, Value, sprintf};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{
    Host,
    call::{Answer, Call, fixed},
    der::{OCTETS, OID, Reader, SEQUENCE, SET, bits, element, from_pem, integer, pem, sequence},
    hashes::decode64,
    keys::{Key, Stream},
};

const S: Type = Type::String;
const I: Type = Type::Int;
const LIST: Type = Type::List;
const CERTIFICATE: Type = Type::Object("sprig.certificate");

/// Steps that making an RSA key counts as.
const RSA_STEPS: u64 = 200_000;

/// `certificate`: what the `gen…Cert` functions answer.
struct Certificate {
    cert: String,
    key: String,
}

impl HostObject for Certificate {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.cert.as_str().into()),
            "Key" => Some(self.key.as_str().into()),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", self.cert.as_str().into()), ("Key", self.key.as_str().into())]
    }
}

pub(crate) fn add(funcs: &mut Funcs, host: &Rc<dyn Host>) {
    fixed(funcs, "buildCustomCert", &[S, S], |call| {
        build_custom(call.bytes(0), call.bytes(1)).map(Value::object).map_err(Into::into)
    });
    let with = |funcs: &mut Funcs, name, parameters, make: Make| {
        let host = Rc::clone(host);
        fixed(funcs, name, parameters, move |call| make(&Maker { host: host.as_ref(), call }));
    };
    with(funcs, "genCA", &[S, I], |maker| maker.authority(&maker.new_rsa()?));
    with(funcs, "genCAWithKey", &[S, I, S], |maker| maker.authority(&maker.given_key(2)?));
    with(funcs, "genSelfSignedCert", &[S, LIST, LIST, I], |maker| maker.self_signed(&maker.new_rsa()?));
    with(funcs, "genSelfSignedCertWithKey", &[S, LIST, LIST, I, S], |maker| {
        maker.self_signed(&maker.given_key(4)?)
    });
    with(funcs, "genSignedCert", &[S, LIST, LIST, I, CERTIFICATE], |maker| maker.signed(&maker.new_rsa()?));
    with(funcs, "genSignedCertWithKey", &[S, LIST, LIST, I, CERTIFICATE, S], |maker| {
        maker.signed(&maker.given_key(5)?)
    });
}

type Make = fn(&Maker<'_>) -> Answer;

/// What a certificate says.
struct Template<'t> {
    name: &'t str,
    addresses: Vec<IpAddr>,
    names: Vec<String>,
    days: i64,
    authority: bool,
}

/// Who signs.
struct Issuer<'i> {
    key: &'i Key,
    /// Its subject as it stands in its certificate; `None` signs itself.
    subject: Option<Vec<u8>>,
    key_id: Option<Vec<u8>>,
}

struct Maker<'m> {
    host: &'m dyn Host,
    call: &'m Call<'m>,
}

impl Maker<'_> {
    fn stream(&self) -> Result<Stream, gotemplate::FuncError> {
        let mut seed = [0; 32];
        self.host.random(&mut seed)?;
        Ok(Stream::new(seed))
    }

    fn new_rsa(&self) -> Result<Key, gotemplate::FuncError> {
        self.call.session().step(RSA_STEPS)?;
        Ok(Key::rsa(&mut self.stream()?, 2048)
            .map_err(|error| format!("error generating rsa key: {error}"))?)
    }

    fn given_key(&self, index: usize) -> Result<Key, gotemplate::FuncError> {
        let key = Key::from_pem(&self.call.text(index));
        Ok(key.map_err(|error| format!("parsing private key: {error}"))?)
    }

    fn authority(&self, key: &Key) -> Answer {
        let name = self.call.text(0);
        let (addresses, names) = (Vec::new(), Vec::new());
        let template = Template { name: &name, addresses, names, days: self.call.int(1), authority: true };
        self.make(&template, key, &Issuer { key, subject: None, key_id: None })
    }

    fn self_signed(&self, key: &Key) -> Answer {
        let name = self.call.text(0);
        let template = self.leaf(&name)?;
        self.make(&template, key, &Issuer { key, subject: None, key_id: None })
    }

    fn leaf<'n>(&self, name: &'n str) -> Result<Template<'n>, String> {
        let (addresses, names) = (addresses(self.call.value(1))?, names(self.call.value(2))?);
        Ok(Template { name, addresses, names, days: self.call.int(3), authority: false })
    }

    fn signed(&self, key: &Key) -> Answer {
        let Some(authority) = self.call.value(4).downcast::<Certificate>() else {
            return Err(crate::call::NIL.into());
        };
        let (_, der) = from_pem(&authority.cert).ok_or("unable to decode certificate")?;
        let parsed = parse(&der)
            .ok_or("error parsing certificate: decodedSignerCert.Bytes: x509: malformed certificate")?;
        let signer =
            Key::from_pem(&authority.key).map_err(|error| format!("error parsing private key: {error}"))?;
        if signer.public_info() != parsed.public_info {
            return Err(
                "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey"
                    .into(),
            );
        }
        let name = self.call.text(0);
        let template = self.leaf(&name)?;
        let issuer = Issuer { key: &signer, subject: Some(parsed.subject), key_id: parsed.key_id };
        self.make(&template, key, &issuer)
    }

    fn make(&self, template: &Template<'_>, key: &Key, issuer: &Issuer<'_>) -> Answer {
        let serial = self.stream()?.bytes::<16>();
        let cert = certificate(template, key, issuer, &serial, self.host.now())?;
        Ok(Value::object(Certificate { cert: pem("CERTIFICATE", &cert), key: key.to_pem()? }))
    }
}

fn addresses(value: &Value) -> Result<Vec<IpAddr>, String> {
    let read = |item: &Value| match item {
        Value::String(text) => text.text().parse().map_err(|_| format!("error parsing ip: {text}")),
        other => Err(format!("error parsing ip: {} is not a string", shown(other))),
    };
    value.as_list().map_or(&[][..], List::items).iter().map(read).collect()
}

fn names(value: &Value) -> Result<Vec<String>, String> {
    let read = |item: &Value| match item {
        Value::String(text) => Ok(text.to_string()),
        other => Err(format!("error processing alternate dns name: {} is not a string", shown(other))),
    };
    value.as_list().map_or(&[][..], List::items).iter().map(read).collect()
}

fn shown(value: &Value) -> String {
    sprintf(b"%v", std::slice::from_ref(value)).map(|text| text.to_string()).unwrap_or_default()
}

fn certificate(
    template: &Template<'_>,
    key: &Key,
    issuer: &Issuer<'_>,
    serial: &[u8],
    now: Timestamp,
) -> Result<Vec<u8>, String> {
    let subject = subject(template.name);
    let until = jiff::SignedDuration::try_from_hours(template.days.saturating_mul(24));
    let until = until.and_then(|span| now.checked_add(span).ok()).unwrap_or(Timestamp::MAX);
    let body = sequence(&[
        &element(0xa0, &integer(&[2])),
        &integer(serial),
        &issuer.key.signature_algorithm(),
        issuer.subject.as_deref().unwrap_or(&subject),
        &sequence(&[&time(now), &time(until)]),
        &subject,
        &key.public_info(),
        &element(0xa3, &extensions(template, key, issuer, &subject)?),
    ]);
    let signature = issuer.key.sign(&body).map_err(|error| format!("error creating certificate: {error}"))?;
    Ok(sequence(&[&body, &issuer.key.signature_algorithm(), &bits(0, &signature)]))
}

/// A common name, as a PrintableString where its letters allow.
fn subject(name: &str) -> Vec<u8> {
    if name.is_empty() {
        return sequence(&[]);
    }
    let printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    let tag = if name.bytes().all(printable) { 0x13 } else { 0x0c };
    let pair = sequence(&[&element(OID, &[0x55, 0x04, 0x03]), &element(tag, name.as_bytes())]);
    sequence(&[&element(SET, &pair)])
}

fn time(at: Timestamp) -> Vec<u8> {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let rest =
        format!("{:02}{:02}{:02}{:02}{:02}Z", at.month(), at.day(), at.hour(), at.minute(), at.second());
    match at.year() {
        year @ 1950..2050 => element(0x17, format!("{:02}{rest}", year.rem_euclid(100)).as_bytes()),
        year => element(0x18, format!("{year:04}{rest}").as_bytes()),
    }
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    sequence(&[&element(OID, id), critical, &element(OCTETS, value)])
}

fn extensions(
    template: &Template<'_>,
    key: &Key,
    issuer: &Issuer<'_>,
    subject: &[u8],
) -> Result<Vec<u8>, String> {
    const CLIENT_SERVER: [&[u8]; 2] = [&[0x2b, 6, 1, 5, 5, 7, 3, 1], &[0x2b, 6, 1, 5, 5, 7, 3, 2]];
    let usage = if template.authority { bits(2, &[0xa4]) } else { bits(5, &[0xa0]) };
    let extended: Vec<_> = CLIENT_SERVER.iter().map(|id| element(OID, id)).collect();
    let constraints = if template.authority { sequence(&[&[0x01, 0x01, 0xff]]) } else { sequence(&[]) };
    let mut all = vec![
        extension(&[0x55, 0x1d, 0x0f], true, &usage),
        extension(&[0x55, 0x1d, 0x25], false, &element(SEQUENCE, &extended.concat())),
        extension(&[0x55, 0x1d, 0x13], true, &constraints),
    ];
    if template.authority {
        let id = &Sha256::digest(key.public_bits())[..20];
        all.push(extension(&[0x55, 0x1d, 0x0e], false, &element(OCTETS, id)));
    }
    let other = issuer.subject.as_deref().is_some_and(|issuer| issuer != subject);
    if let Some(id) = issuer.key_id.as_deref().filter(|_| other) {
        all.push(extension(&[0x55, 0x1d, 0x23], false, &sequence(&[&element(0x80, id)])));
    }
    if !template.names.is_empty() || !template.addresses.is_empty() {
        let value = alternatives(template)?;
        all.push(extension(&[0x55, 0x1d, 0x11], template.name.is_empty(), &value));
    }
    Ok(element(SEQUENCE, &all.concat()))
}

fn alternatives(template: &Template<'_>) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    for name in &template.names {
        if !name.is_ascii() {
            return Err(format!(
                "error creating certificate: x509: {name:?} cannot be encoded as an IA5String"
            ));
        }
        all.extend(element(0x82, name.as_bytes()));
    }
    for address in &template.addresses {
        all.extend(match address {
            IpAddr::V4(address) => element(0x87, &address.octets()),
            IpAddr::V6(address) => element(0x87, &address.octets()),
        });
    }
    Ok(element(SEQUENCE, &all))
}

/// What of a certificate its subjects need.
struct Parsed {
    subject: Vec<u8>,
    public_info: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

fn parse(der: &[u8]) -> Option<Parsed> {
    let mut outer = Reader(Reader(der).take(SEQUENCE)?.content);
    let mut body = Reader(outer.take(SEQUENCE)?.content);
    outer.take(SEQUENCE)?;
    if body.0.first() == Some(&0xa0) {
        body.next()?;
    }
    // Serial, algorithm, issuer, validity.
    for _ in 0..4 {
        body.next()?;
    }
    let subject = body.take(SEQUENCE)?.whole.to_vec();
    let public_info = body.take(SEQUENCE)?.whole.to_vec();
    let key_id = body.next().and_then(|extensions| key_id(extensions.content));
    Some(Parsed { subject, public_info, key_id })
}

fn key_id(extensions: &[u8]) -> Option<Vec<u8>> {
    let mut list = Reader(Reader(extensions).take(SEQUENCE)?.content);
    while let Some(extension) = list.next() {
        let mut fields = Reader(extension.content);
        if fields.take(OID)?.content != [0x55, 0x1d, 0x0e] {
            continue;
        }
        let value = fields.take(OCTETS)?.content;
        return Some(Reader(value).take(OCTETS)?.content.to_vec());
    }
    None
}

fn build_custom(cert: &[u8], key: &[u8]) -> Result<Certificate, String> {
    let cert = decode64(cert).map_err(|_| "unable to decode base64 certificate")?;
    let key = decode64(key).map_err(|_| "unable to decode base64 private key")?;
    let (cert, key) = (String::from_utf8_lossy(&cert), String::from_utf8_lossy(&key));
    let (_, der) = from_pem(&cert).ok_or("unable to decode certificate")?;
    parse(&der).ok_or("error parsing certificate: decodedCert.Bytes: x509: malformed certificate")?;
    Key::from_pem(&key).map_err(|error| format!("error parsing private key: {error}"))?;
    Ok(Certificate { cert: cert.into_owned(), key: key.into_owned() })
}
