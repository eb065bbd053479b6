//! Kinds that have a name in `redact`, found without regular expressions. Each search is one pass: what is looked at
//! twice is bounded by the longest thing of its kind.
//!
//! - `address`: e-mail, IP addresses, telephone numbers; `account`: cards and IBANs; `secret`: keys and tokens.

mod account;
mod address;
mod secret;

pub(super) use secret::is_secret_name;

/// A kind of text that nobody wants in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// `alice@example.com`, `alice%40example.com`
    Email,
    /// `192.0.2.1`
    Ipv4,
    /// `2001:db8::1`
    Ipv6,
    /// `+49 30 1234567`: international, with its plus
    Phone,
    /// 13 to 19 digits, alone or in groups, whose check digit is right (Luhn).
    CreditCard,
    /// An international bank account number whose check digits are right.
    Iban,
    /// `AKIA…` and its kin: the id of an access key.
    AwsAccessKey,
    /// The 40 characters of a secret access key, where a name with `secret` stands before it.
    AwsSecretKey,
    /// A JSON web token: `eyJ….….…`.
    Jwt,
    /// What follows `Bearer`, `Basic`, `access_token=`, `x-api-key:` and the like.
    Bearer,
}

/// Each kind, its name in a configuration, and what takes its place.
const KINDS: [(Named, &str, &str); 10] = [
    (Named::Email, "email", "[redacted:email]"),
    (Named::Ipv4, "ipv4", "[redacted:ipv4]"),
    (Named::Ipv6, "ipv6", "[redacted:ipv6]"),
    (Named::Phone, "phone", "[redacted:phone]"),
    (Named::CreditCard, "credit_card", "[redacted:credit_card]"),
    (Named::Iban, "iban", "[redacted:iban]"),
    (Named::AwsAccessKey, "aws_access_key", "[redacted:aws_access_key]"),
    (Named::AwsSecretKey, "aws_secret_key", "[redacted:aws_secret_key]"),
    (Named::Jwt, "jwt", "[redacted:jwt]"),
    (Named::Bearer, "bearer", "[redacted:bearer]"),
];

impl Named {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Email,
        Self::Ipv4,
        Self::Ipv6,
        Self::Phone,
        Self::CreditCard,
        Self::Iban,
        Self::AwsAccessKey,
        Self::AwsSecretKey,
        Self::Jwt,
        Self::Bearer,
    ];

    /// The names, as a configuration has them.
    pub const NAMES: [&str; 10] = [
        "email",
        "ipv4",
        "ipv6",
        "phone",
        "credit_card",
        "iban",
        "aws_access_key",
        "aws_secret_key",
        "jwt",
        "bearer",
    ];

    /// The name, as a configuration has it.
    pub fn name(self) -> &'static str {
        self.kind().1
    }

    /// What takes its place.
    pub(super) fn mask(self) -> &'static str {
        self.kind().2
    }

    fn kind(self) -> (Self, &'static str, &'static str) {
        let found = KINDS.into_iter().find(|(named, ..)| *named == self);
        found.unwrap_or((self, "", "[redacted]"))
    }

    /// The first of its kind at or after `from`: its bounds in bytes.
    pub(super) fn find(self, text: &str, from: usize) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        match self {
            Self::Email => address::email(text, from),
            Self::Ipv4 => address::ipv4(bytes, from),
            Self::Ipv6 => address::ipv6(text, from),
            Self::Phone => address::phone(bytes, from),
            Self::CreditCard => account::credit_card(bytes, from),
            Self::Iban => account::iban(bytes, from),
            Self::AwsAccessKey => secret::aws_access_key(bytes, from),
            Self::AwsSecretKey => secret::aws_secret_key(bytes, from),
            Self::Jwt => secret::jwt(bytes, from),
            Self::Bearer => secret::bearer(bytes, from),
        }
    }
}

/// The byte there; 0 behind the end, which nothing takes for its own.
fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The byte before; 0 before the beginning.
fn before(text: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |before| byte(text, before))
}

/// The longest sequence of a terminal before a word: `ESC [ 38;2;255;255;255 m`. Bytes.
const LONGEST_SEQUENCE: usize = 24;

/// True if a word begins here: behind no letter or digit, or behind one that belongs to `%20` and its kin, or to a
/// colour.
fn begins(text: &[u8], at: usize) -> bool {
    if !before(text, at).is_ascii_alphanumeric() {
        return true;
    }
    let near = text.get(at.saturating_sub(LONGEST_SEQUENCE)..at).unwrap_or_default();
    if let [.., b'%', first, second] = near
        && first.is_ascii_hexdigit()
        && second.is_ascii_hexdigit()
    {
        return true;
    }
    let sequence = memchr::memrchr(0x1b, near).and_then(|escape| near.get(escape + 1..));
    matches!(sequence, Some([b'[', parameters @ .., b'm']) if parameters.iter().all(|byte| byte.is_ascii_digit() || *byte == b';'))
}

/// How many bytes from `at` on are such, `most` at the most.
fn run(text: &[u8], at: usize, most: usize, is_such: impl Fn(&u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let rest = rest.get(..most).unwrap_or(rest);
    rest.iter().position(|byte| !is_such(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every match in the text, separated by `|`.
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
                "1763629200004 1763629200012 1763629200020 4.111111111111111 0x4111",
                "",
            ),
            (
                CreditCard,
                "4111  1111 1111 1111,4111\t1111\t1111\t1111;4111\u{a0}1111\u{a0}1111\u{a0}1111 4111.1111.1111.1111 card%204111%201111%201111%201111 3782.822463.10005",
                "4111  1111 1111 1111|4111\t1111\t1111\t1111|4111\u{a0}1111\u{a0}1111\u{a0}1111|4111.1111.1111.1111|4111%201111%201111%201111|3782.822463.10005",
            ),
            (Email, "mail=alice%40example.com&x=1", "alice%40example.com"),
            (Ipv4, "from%20192.0.2.1", "192.0.2.1"),
            (
                Ipv6,
                "from 2001:db8::8a2e:370:7334, [2001:0db8:0000:0000:0000:8a2e:0370:7334]:443",
                "2001:db8::8a2e:370:7334|2001:0db8:0000:0000:0000:8a2e:0370:7334",
            ),
            (
                Ipv6,
                "09:14:02 std::fmt a::b dead::beef 12:34:56:78 ::1 00:1a:2b:3c:4d:5e",
                "",
            ),
            (
                Phone,
                "call +49 30 1234567 or +1 (415) 555-2671!",
                "+49 30 1234567|+1 (415) 555-2671",
            ),
            (
                Phone,
                "2026-11-20T09:14:02+0000 +00:00 a+12345678 1+123456789 +12 34",
                "",
            ),
            (
                Iban,
                "to DE89370400440532013000, GB29 NWBK 6016 1331 9268 19.",
                "DE89370400440532013000|GB29 NWBK 6016 1331 9268 19",
            ),
            (Iban, "DE89370400440532013001 XDE89370400440532013000 DE8937040044", ""),
            (
                AwsSecretKey,
                "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            ),
            (
                AwsSecretKey,
                "{\"SecretAccessKey\": \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"}",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            ),
            (
                AwsSecretKey,
                "secret sha da39a3ee5e6b4b0d3255bfef95601890afd80709, wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "",
            ),
            (
                Jwt,
                "t_eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP",
            ),
            (
                Bearer,
                "Bearer \"abcdefgh1\" Bearer%20abcdefgh2 bearer=abcdefgh3 ?access_token=abcdefgh4&x x-api-key: abcdefgh5 'apikey': 'abcdefgh6' \"access_token\" : \"abcdefgh7\"",
                "abcdefgh1|abcdefgh2|abcdefgh3|abcdefgh4|abcdefgh5|abcdefgh6|abcdefgh7",
            ),
            (
                Bearer,
                "Authorization: Basic dXNlcjpwYXNzd29yZA== basic understanding, basic auth",
                "dXNlcjpwYXNzd29yZA==",
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
