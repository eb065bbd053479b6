//! Keys and tokens.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::{begins, byte, run};

/// The prefixes of access key ids that stand for credentials. IAM user guide, "Understanding unique ID prefixes".
const KEY_PREFIXES: [&[u8]; 4] = [b"AKIA", b"ASIA", b"ABIA", b"ACCA"];

/// Letters and digits of an access key id with its prefix.
const KEY_LENGTH: usize = 20;

/// Characters of a secret access key.
const SECRET_LENGTH: usize = 40;

/// So far before a secret key may its name end: `AWS_SECRET_ACCESS_KEY" : "`. Bytes.
const NAME_BEFORE: usize = 32;

/// The least that a bearer's token has: `bearer of news` has none.
const MIN_TOKEN: usize = 8;

/// The most that may stand between a name and its token, in bytes: `\" : \"`, `=%22`.
const LONGEST_GAP: usize = 12;

/// What a token follows. Behind the first two a blank is enough.
const NAMES: [&[u8]; 14] = [
    b"bearer",
    b"basic",
    b"access_token",
    b"accesstoken",
    b"access-token",
    b"refresh_token",
    b"refreshtoken",
    b"id_token",
    b"x-api-key",
    b"api_key",
    b"apikey",
    b"api-key",
    b"client_secret",
    b"x-amz-security-token",
];

/// True if a member of this name holds a token.
pub(in super::super) fn is_secret_name(name: &str) -> bool {
    let words = NAMES.iter().skip(2);
    words.into_iter().any(|word| name.as_bytes().eq_ignore_ascii_case(word))
}

pub(super) fn aws_access_key(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        at += memchr::memchr(b'A', text.get(at..)?)?;
        let rest = text.get(at..)?;
        let has_prefix = KEY_PREFIXES.iter().any(|prefix| rest.starts_with(prefix));
        if has_prefix && begins(text, at) {
            let length = run(text, at, KEY_LENGTH + 1, |byte| {
                byte.is_ascii_uppercase() || byte.is_ascii_digit()
            });
            if length == KEY_LENGTH && !byte(text, at + length).is_ascii_alphanumeric() {
                return Some((at, at + length));
            }
        }
        at += 1;
    }
}

pub(super) fn aws_secret_key(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let mut at = from;
    loop {
        at += text.get(at..)?.iter().position(|byte| is_part(byte) && *byte != b'=')?;
        let length = run(text, at, text.len(), is_part);
        // `secretKey=wJal…`: the name belongs to the run.
        let inside = text.get(at..at + length.min(NAME_BEFORE + SECRET_LENGTH))?;
        let start = inside
            .iter()
            .take(NAME_BEFORE)
            .position(|byte| *byte == b'=')
            .map_or(at, |equals| at + equals + 1);
        let key = text.get(start..at + length)?;
        if key.len() == SECRET_LENGTH && !key.iter().all(u8::is_ascii_hexdigit) {
            let name = text.get(start.saturating_sub(NAME_BEFORE).max(from)..start)?;
            let is_named = name.windows(6).any(|word| word.eq_ignore_ascii_case(b"secret"));
            if is_named {
                return Some((start, at + length));
            }
        }
        at += length;
    }
}

pub(super) fn jwt(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut at = from;
    loop {
        at += memchr::memmem::find(text.get(at..)?, b"eyJ")?;
        if !begins(text, at) {
            at += 3;
            continue;
        }
        let header = at + run(text, at, text.len(), is_part);
        let payload = header + 1 + run(text, header + 1, text.len(), is_part);
        // An unsigned token ends in a point with nothing behind it; an encrypted one has five parts.
        if byte(text, header) == b'.' && payload > header + MIN_TOKEN && byte(text, payload) == b'.' {
            let mut end = payload + 1 + run(text, payload + 1, text.len(), is_part);
            while byte(text, end) == b'.' && is_part(&byte(text, end + 1)) {
                end += 1 + run(text, end + 1, text.len(), is_part);
            }
            return Some((at, end));
        }
        // Whatever begins within the header ends with it.
        at = header.max(at + 3);
    }
}

pub(super) fn bearer(text: &[u8], from: usize) -> Option<(usize, usize)> {
    // RFC 6750, section 2.1: b64token.
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    // The token of a word before `from` may follow: masking a part must not make the rest safe.
    let mut at = from;
    loop {
        at += text
            .get(at..)?
            .iter()
            .position(|byte| matches!(byte | 0x20, b'a' | b'b' | b'c' | b'i' | b'r' | b'x'))?;
        let rest = text.get(at..)?;
        let name = NAMES.iter().position(|name| {
            rest.get(..name.len())
                .is_some_and(|word| word.eq_ignore_ascii_case(name))
        });
        let Some((name, word)) = name
            .and_then(|name| Some((name, NAMES.get(name)?)))
            .filter(|_| begins(text, at))
        else {
            at += 1;
            continue;
        };
        let mut token = at + word.len();
        let gap = gap(text, token);
        token += gap.length;
        let is_separated = gap.has_sign || (gap.length > 0 && name < 2);
        let length = if is_separated {
            run(text, token, text.len(), is_token)
        } else {
            0
        };
        let is_credentials = name != 1 || gap.has_equals || is_basic(text.get(token..token + length)?);
        if length >= MIN_TOKEN && is_credentials {
            return Some((token, token + length));
        }
        // The word may itself be what another name stands before.
        at += 1;
    }
}

/// What stands between a name and its token.
struct Gap {
    length: usize,
    /// `=` or `:` is in it.
    has_sign: bool,
    has_equals: bool,
}

fn gap(text: &[u8], start: usize) -> Gap {
    let mut gap = Gap {
        length: 0,
        has_sign: false,
        has_equals: false,
    };
    while gap.length < LONGEST_GAP {
        gap.length += match text.get(start + gap.length..).unwrap_or_default() {
            [b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'[' | b'(' | b'<', ..] => 1,
            [b'=', ..] => {
                (gap.has_sign, gap.has_equals) = (true, true);
                1
            }
            [b':', ..] => {
                gap.has_sign = true;
                1
            }
            [b'%', b'2', b'0' | b'2' | b'7', ..] => 3,
            [b'%', b'3', b'd' | b'D' | b'a' | b'A', ..] => {
                gap.has_sign = true;
                3
            }
            _ => break,
        };
    }
    gap
}

/// RFC 7617: `user:password` in base64. `basic understanding` is none.
fn is_basic(token: &[u8]) -> bool {
    let padded = STANDARD.decode(token).or_else(|_| STANDARD_NO_PAD.decode(token));
    padded.is_ok_and(|text| text.contains(&b':'))
}
