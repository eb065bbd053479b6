//! What has a name in `redact`, found without regular expressions. Each search is one pass.

/// A kind of text that nobody wants in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// `alice@example.com`
    Email,
    /// `192.0.2.1`
    Ipv4,
    /// 13 to 19 digits, alone or in groups, whose check digit is right (Luhn).
    CreditCard,
    /// `AKIA…` and its kin: the id of an access key.
    AwsAccessKey,
    /// A JSON web token: `eyJ….….…`.
    Jwt,
    /// What follows `Bearer`.
    Bearer,
}

/// The prefixes of access key ids that stand for credentials. IAM user guide, "Understanding unique ID prefixes".
const KEY_PREFIXES: [&str; 4] = ["AKIA", "ASIA", "ABIA", "ACCA"];

/// Letters and digits of an access key id behind its prefix.
const KEY_LENGTH: usize = 16;

/// The least that a bearer's token has: `bearer of news` has none.
const MIN_TOKEN: usize = 8;

impl Named {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Email,
        Self::Ipv4,
        Self::CreditCard,
        Self::AwsAccessKey,
        Self::Jwt,
        Self::Bearer,
    ];

    /// The names, as a configuration has them.
    pub const NAMES: [&str; 6] = ["email", "ipv4", "credit_card", "aws_access_key", "jwt", "bearer"];

    /// The name, as a configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Ipv4 => "ipv4",
            Self::CreditCard => "credit_card",
            Self::AwsAccessKey => "aws_access_key",
            Self::Jwt => "jwt",
            Self::Bearer => "bearer",
        }
    }

    /// The first of its kind at or after `from`: its bounds in bytes.
    pub(super) fn find(self, text: &str, from: usize) -> Option<(usize, usize)> {
        match self {
            Self::Email => email(text, from),
            Self::Ipv4 => ipv4(text.as_bytes(), from),
            Self::CreditCard => credit_card(text.as_bytes(), from),
            Self::AwsAccessKey => aws_access_key(text.as_bytes(), from),
            Self::Jwt => jwt(text.as_bytes(), from),
            Self::Bearer => bearer(text.as_bytes(), from),
        }
    }
}

fn email(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut search = from;
    loop {
        let at = search + memchr::memchr(b'@', text.as_bytes().get(search..)?)?;
        let local = text.get(from.min(at)..at)?;
        let is_local = |char: char| char.is_alphanumeric() || "._%+-'".contains(char);
        let start = at
            - local
                .chars()
                .rev()
                .take_while(|&char| is_local(char))
                .map(char::len_utf8)
                .sum::<usize>();
        let after = text.get(at + 1..)?;
        let is_domain = |char: char| char.is_alphanumeric() || char == '-' || char == '.';
        let length = after.find(|char| !is_domain(char)).unwrap_or(after.len());
        let domain = after.get(..length)?.trim_end_matches(['.', '-']);
        let has_top_level = domain.rsplit_once('.').is_some_and(|(rest, top)| {
            !rest.is_empty() && top.chars().count() >= 2 && top.chars().any(char::is_alphabetic)
        });
        if start < at && has_top_level {
            return Some((start, at + 1 + domain.len()));
        }
        search = at + 1;
    }
}

fn ipv4(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while at < text.len() {
        if byte(text, at).is_ascii_digit() && !joins(text, at) {
            if let Some(end) = address_end(text, at) {
                return Some((at, end));
            }
            at += run(text, at, u8::is_ascii_digit);
        } else {
            at += 1;
        }
    }
    None
}

/// Whether what stands before `at` makes it the middle of a word or a number.
fn joins(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| byte(text, before));
    before.is_some_and(|before| before.is_ascii_alphanumeric() || before == b'.')
}

fn address_end(text: &[u8], mut at: usize) -> Option<usize> {
    for place in 0..4 {
        if place > 0 {
            if byte(text, at) != b'.' {
                return None;
            }
            at += 1;
        }
        let digits = run(text, at, u8::is_ascii_digit);
        let number = std::str::from_utf8(text.get(at..at + digits)?).ok()?;
        number.parse::<u8>().ok()?;
        at += digits;
    }
    let goes_on = byte(text, at) == b'.' && byte(text, at + 1).is_ascii_digit();
    (!goes_on && !byte(text, at).is_ascii_alphanumeric()).then_some(at)
}

fn credit_card(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while at < text.len() {
        if !byte(text, at).is_ascii_digit() {
            at += 1;
            continue;
        }
        // The decimals of a number are none; what is glued to a word may be one.
        let is_fraction = at >= 2 && byte(text, at - 1) == b'.' && byte(text, at - 2).is_ascii_digit();
        if !is_fraction && let Some(end) = card_end(text, at) {
            return Some((at, end));
        }
        at += run(text, at, u8::is_ascii_digit);
    }
    None
}

/// Where the longest card number that starts at `at` ends: digits with at most one blank or dash between two of them.
fn card_end(text: &[u8], mut at: usize) -> Option<usize> {
    // The networks' numbers begin with 2 to 6; times in milliseconds with 1.
    if !(b'2'..=b'6').contains(&byte(text, at)) {
        return None;
    }
    let (mut digits, mut count, mut end) = ([0_u8; 19], 0, None);
    loop {
        for &digit in text.get(at..at + run(text, at, u8::is_ascii_digit))? {
            // A 20th digit: no card, and nothing longer either.
            *digits.get_mut(count)? = digit - b'0';
            count += 1;
            at += 1;
            if count == digits.len() && byte(text, at).is_ascii_digit() {
                return end;
            }
        }
        let number = digits.get(..count)?;
        if count >= 13 && is_luhn(number) {
            end = Some(at);
        }
        let separated = matches!(byte(text, at), b' ' | b'-') && byte(text, at + 1).is_ascii_digit();
        if !separated || count == digits.len() {
            return end;
        }
        at += 1;
    }
}

/// ISO/IEC 7812-1, annex B.
fn is_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, u32::from(digit) * 2) {
            (0, _) => u32::from(digit),
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|&digit| digit != 0)
}

fn aws_access_key(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        at += memchr::memchr(b'A', text.get(at..)?)?;
        let has_prefix = KEY_PREFIXES
            .iter()
            .any(|prefix| text.get(at..).is_some_and(|rest| rest.starts_with(prefix.as_bytes())));
        let begins = at
            .checked_sub(1)
            .is_none_or(|before| !byte(text, before).is_ascii_alphanumeric());
        let length = run(text, at, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let ends = !byte(text, at + length).is_ascii_alphanumeric();
        if has_prefix && begins && ends && length == 4 + KEY_LENGTH {
            return Some((at, at + length));
        }
        at += 1;
    }
}

fn jwt(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut at = from;
    loop {
        at += memchr::memmem::find(text.get(at..)?, b"eyJ")?;
        let begins = at.checked_sub(1).is_none_or(|before| !is_part(&byte(text, before)));
        let header = at + run(text, at, is_part);
        let payload = header + 1 + run(text, header + 1, is_part);
        // An unsigned token ends in a point with nothing behind it.
        if begins && byte(text, header) == b'.' && payload > header + MIN_TOKEN && byte(text, payload) == b'.' {
            return Some((at, payload + 1 + run(text, payload + 1, is_part)));
        }
        at += 3;
    }
}

fn bearer(text: &[u8], from: usize) -> Option<(usize, usize)> {
    const WORD: usize = "bearer".len();
    // RFC 6750, section 2.1: b64token.
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    // The token of a word before `from` may follow: masking a part must not make the rest safe.
    let mut at = from;
    loop {
        at += memchr::memchr2(b'b', b'B', text.get(at..)?)?;
        let is_word = text
            .get(at..at + WORD)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"bearer"));
        let begins = at
            .checked_sub(1)
            .is_none_or(|before| !byte(text, before).is_ascii_alphanumeric());
        let blanks = run(text, at + WORD, |byte| matches!(byte, b' ' | b'\t'));
        let token = at + WORD + blanks;
        let length = run(text, token, is_token);
        if is_word && begins && blanks > 0 && length >= MIN_TOKEN {
            return Some((token, token + length));
        }
        at += 1;
    }
}

/// The byte there; 0 behind the end, which nothing takes for its own.
fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// How many bytes from `at` on are such.
fn run(text: &[u8], at: usize, is_such: impl Fn(&u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().position(|byte| !is_such(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every match in the text, parted by `|`.
    fn found(name: Named, text: &str) -> String {
        let (mut from, mut found) = (0, Vec::new());
        while let Some((start, end)) = name.find(text, from) {
            found.push(&text[start..end]);
            from = end;
        }
        found.join("|")
    }

    #[test]
    fn what_is_found_and_what_is_not() {
        use Named::*;
        for (name, text, expected) in [
            (
                Email,
                "mail alice.b+c@example.co.uk, or <bob@x.org>.",
                "alice.b+c@example.co.uk|bob@x.org",
            ),
            (Email, "m\u{fc}ller@b\u{fc}cher.de", "m\u{fc}ller@b\u{fc}cher.de"),
            (Email, "@example.com a@ a@localhost a@b.c x@1.23 a@@b.com", ""),
            (Email, "a@b.com@c.org", "a@b.com"),
            (Ipv4, "from 192.0.2.1:443 to 10.0.0.255.", "192.0.2.1|10.0.0.255"),
            (Ipv4, "1.2.3 1.2.3.4.5 256.1.1.1 v1.2.3.4 1.2.3.4a 1..2.3", ""),
            (CreditCard, "4111111111111111", "4111111111111111"),
            (
                CreditCard,
                "card 4111 1111 1111 1111, 5500-0000-0000-0004!",
                "4111 1111 1111 1111|5500-0000-0000-0004",
            ),
            (
                CreditCard,
                "amex 378282246310005 qty 2 4111111111111111",
                "378282246310005|4111111111111111",
            ),
            (
                CreditCard,
                "4111111111111112 411111111111 41111111111111110000 0.4111111111111111",
                "",
            ),
            (
                CreditCard,
                "1763629200004 1763629200012 1763629200020 4111  1111 1111 1111",
                "",
            ),
            (
                CreditCard,
                "card4111111111111111x no.5500000000000004",
                "4111111111111111|5500000000000004",
            ),
            (
                AwsAccessKey,
                "key=AKIAIOSFODNN7EXAMPLE ASIAIOSFODNN7EXAMPLE",
                "AKIAIOSFODNN7EXAMPLE|ASIAIOSFODNN7EXAMPLE",
            ),
            (
                AwsAccessKey,
                "AKIAIOSFODNN7EXAMPL AKIAIOSFODNN7EXAMPLEX XAKIAIOSFODNN7EXAMPLE AIDAIOSFODNN7EXAMPLE",
                "",
            ),
            (
                Jwt,
                "t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27 end",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27",
            ),
            (
                Jwt,
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
            ),
            (Jwt, "eyJ eyJhbGciOiJIUzI1NiJ9 eyJh.x.y key.eyJ", ""),
            (
                Bearer,
                "Authorization: Bearer abc.DEF-123~/+=, bearer\tabcdefgh",
                "abc.DEF-123~/+=|abcdefgh",
            ),
            (
                Bearer,
                "the bearer of bad news, Bearer short, forbearer abcdefghijkl, bearer",
                "",
            ),
        ] {
            assert_eq!(found(name, text), expected, "{name:?} in {text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_matches_are_whole_characters(text in any::<String>(), from in 0_usize..8) {
            let from = text.char_indices().map(|(at, _)| at).nth(from).unwrap_or(0);
            for name in Named::ALL {
                if let Some((start, end)) = name.find(&text, from) {
                    prop_assert!(start < end && text.get(start..end).is_some());
                }
            }
        }

        #[test]
        fn near_matches_are_survived(text in "[0-9. @a-zA-Z-]{0,40}|(eyJ[a-zA-Z.]{0,12}){1,3}|(Bearer |AKIA[A-Z]{14,18}){1,4}|[2-6 -]{10,40}") {
            for name in Named::ALL {
                let mut from = 0;
                while let Some((start, end)) = name.find(&text, from) {
                    prop_assert!(start >= from && start < end);
                    from = end;
                }
            }
        }
    }
}
