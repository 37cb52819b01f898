//! Passwords, keys and encryption.

use std::rc::Rc;

use aes::{
    Aes256,
    cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};
use base64::{
    Engine, alphabet,
    engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD},
};
use gotemplate::{FuncError, Funcs, Type, Value};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{
    Host,
    call::{Answer, Call, fixed},
    certificates,
    hashes::decode64,
    keys::{Key, Stream},
};

const S: Type = Type::String;
const BLOCK: usize = 16;
/// The alphabet of bcrypt's texts.
const CRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
/// bcrypt's default cost, and the steps that it and scrypt count as.
const COST: u32 = 10;
const SLOW: u64 = 50_000;

pub(crate) fn add(funcs: &mut Funcs, host: &Rc<dyn Host>) {
    let own = Rc::clone(host);
    fixed(funcs, "bcrypt", &[S], move |call| Ok(bcrypt(call, own.as_ref(), call.bytes(0))?.into()));
    let own = Rc::clone(host);
    fixed(funcs, "htpasswd", &[S, S], move |call| {
        let name = call.text(0);
        if name.contains(':') {
            return Ok(format!("invalid username: {name}").into());
        }
        Ok(format!("{name}:{}", bcrypt(call, own.as_ref(), call.bytes(1))?).into())
    });
    fixed(funcs, "derivePassword", &[Type::Uint32, S, S, S, S], derive);
    let own = Rc::clone(host);
    fixed(funcs, "genPrivateKey", &[S], move |call| private_key(call, own.as_ref()));
    let own = Rc::clone(host);
    fixed(funcs, "encryptAES", &[S, S], move |call| encrypt(call, own.as_ref()));
    fixed(funcs, "decryptAES", &[S, S], decrypt);
    certificates::add(funcs, host);
}

fn bcrypt(call: &Call<'_>, host: &dyn Host, password: &[u8]) -> Result<String, FuncError> {
    call.session().step(SLOW)?;
    if password.len() > 72 {
        return Ok("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".into());
    }
    let mut salt = [0; 16];
    host.random(&mut salt)?;
    Ok(crypted(password, salt))
}

/// The text of a hash: version, cost, salt and hash.
fn crypted(password: &[u8], salt: [u8; 16]) -> String {
    let mut key = password.to_vec();
    key.push(0);
    key.truncate(72);
    let hash = bcrypt::bcrypt(COST, salt, &key);
    format!("$2a${COST}${}{}", CRYPT.encode(salt), CRYPT.encode(&hash[..23]))
}

/// The forms of the Master Password algorithm: a letter stands for a class of characters.
fn forms(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// A password from a master password, by the Master Password algorithm.
fn derive(call: &Call<'_>) -> Answer {
    const SCOPE: &[u8] = b"com.lyndir.masterpassword";
    let Some(forms) = forms(&call.text(1)) else {
        return Ok(format!("cannot find password template {}", call.text(1)).into());
    };
    call.session().step(SLOW * 4)?;
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let (password, user, site) = (call.bytes(2), call.bytes(3), call.bytes(4));
    let failed = |error: &dyn std::fmt::Display| format!("failed to derive password: {error}");
    let salt = [SCOPE, &length(user), user].concat();
    let mut key = [0; 64];
    let params = scrypt::Params::new(15, 8, 2).map_err(|error| failed(&error))?;
    scrypt::scrypt(password, &salt, &params, &mut key).map_err(|error| failed(&error))?;
    let counter = u32::try_from(call.value(0).unsigned().unwrap_or_default()).unwrap_or_default();
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&key).map_err(|error| failed(&error))?;
    for part in [SCOPE, &length(site), site, &counter.to_be_bytes()] {
        mac.update(part);
    }
    let seed = mac.finalize().into_bytes();
    let form = forms[usize::from(seed[0]) % forms.len()];
    let pick = |(index, class): (usize, u8)| {
        let from = characters(class);
        char::from(from[usize::from(seed[index + 1]) % from.len()])
    };
    Ok(Value::string(form.bytes().enumerate().map(pick).collect::<String>()))
}

fn private_key(call: &Call<'_>, host: &dyn Host) -> Answer {
    let mut seed = [0; 32];
    host.random(&mut seed)?;
    let mut random = Stream::new(seed);
    let key = match call.text(0).as_ref() {
        "" | "rsa" => {
            call.session().step(SLOW * 40)?;
            Key::rsa(&mut random, 4096)
        }
        "ecdsa" => Ok(Key::p256(&mut random)),
        "ed25519" => Ok(Key::ed25519(&mut random)),
        "dsa" => return Err("DSA keys are not supported".into()),
        kind => return Ok(format!("Unknown type {kind}").into()),
    };
    match key.and_then(|key| key.to_pem()) {
        Ok(pem) => Ok(pem.into()),
        Err(error) => Ok(format!("failed to generate private key: {error}").into()),
    }
}

/// The password, cut or filled with zeros.
fn cipher(password: &[u8]) -> Aes256 {
    let mut key = [0; 32];
    let length = password.len().min(32);
    key[..length].copy_from_slice(&password[..length]);
    Aes256::new(&key.into())
}

/// AES-256 in CBC mode, the initial vector in front, in base64.
fn encrypt(call: &Call<'_>, host: &dyn Host) -> Answer {
    let text = call.bytes(1);
    if text.is_empty() {
        return Ok("".into());
    }
    let padding = BLOCK - text.len() % BLOCK;
    let padded: Vec<u8> = text
        .iter()
        .copied()
        .chain(std::iter::repeat_n(u8::try_from(padding).unwrap_or_default(), padding))
        .collect();
    let mut last = [0; BLOCK];
    host.random(&mut last)?;
    let (cipher, mut out) = (cipher(call.bytes(0)), last.to_vec());
    for chunk in padded.chunks(BLOCK) {
        let mut block = aes::Block::default();
        for ((to, plain), before) in block.iter_mut().zip(chunk).zip(last) {
            *to = plain ^ before;
        }
        cipher.encrypt_block(&mut block);
        last.copy_from_slice(&block);
        out.extend_from_slice(&block);
    }
    Ok(STANDARD.encode(out).into())
}

fn decrypt(call: &Call<'_>) -> Answer {
    if call.bytes(1).is_empty() {
        return Ok("".into());
    }
    let sealed = decode64(call.bytes(1))?;
    if sealed.len() < BLOCK {
        let bounds = format!("runtime error: slice bounds out of range [:16] with capacity {}", sealed.len());
        return Err(bounds.into());
    }
    if !sealed.len().is_multiple_of(BLOCK) {
        return Err("crypto/cipher: input not full blocks".into());
    }
    let cipher = cipher(call.bytes(0));
    let mut out = Vec::with_capacity(sealed.len());
    for pair in sealed.windows(2 * BLOCK).step_by(BLOCK) {
        let mut block = aes::Block::default();
        block.copy_from_slice(&pair[BLOCK..]);
        cipher.decrypt_block(&mut block);
        out.extend(block.iter().zip(&pair[..BLOCK]).map(|(byte, before)| byte ^ before));
    }
    let padding = usize::from(out.last().copied().unwrap_or_default());
    match out.len().checked_sub(padding).filter(|_| !out.is_empty()) {
        Some(length) => Ok(Value::string(&out[..length])),
        None => Err("runtime error: slice bounds out of range".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::crypted;

    #[test]
    fn hashes_of_passwords_are_those_of_crypt() {
        for (password, hash) in [
            ("secret", "a8yCYP74N5C7MbVWc4itOGadCb9nAeG"),
            ("", "F5mzCEQ5E01or2Zs1UUMeqS/7rfVb16"),
            (&"x".repeat(72), "LApjVJ6.gwvnmJtJ2ZSb48cPwesrcsi"),
        ] {
            let found = crypted(password.as_bytes(), [0; 16]);
            assert_eq!(found, format!("$2a$10$......................{hash}"), "{password:?}");
        }
    }
}
