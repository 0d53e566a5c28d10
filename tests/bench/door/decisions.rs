//! The time of what is decided of every request: which token it has, or whether its signature is good.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Instant, SystemTime};

use thumbmill_shared::access::{Role, SignedUrl, SigningKeys, Token, Tokens, new_token};

const DECISIONS: u32 = 1_000_000;
const TOKENS: usize = 1000;

pub fn run() {
    let (mut texts, mut file) = (Vec::new(), String::new());
    for number in 0..TOKENS {
        let (text, table) = new_token(&Token {
            name: format!("client-{number}"),
            role: Role::ALL[number % 3],
            expires: None,
        });
        texts.push(text);
        writeln!(file, "{table}").unwrap();
    }
    let tokens = Tokens::parse(&file).unwrap();
    let now = SystemTime::now();
    time("a token of 1,000", |n| {
        let text = &texts[n as usize % TOKENS];
        assert!(black_box(tokens.find(black_box(text), now)).is_some());
    });
    time("a token that is none", |n| {
        let text = format!("thumbmill_{n:043}");
        assert!(black_box(tokens.find(black_box(&text), now)).is_none());
    });
    let keys: SigningKeys = "main:0123456789abcdef0123456789abcdef".parse().unwrap();
    let path = "/assets/3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f";
    let query = "fit=cover&width=200&height=200&format=webp&quality=80";
    let url =
        SignedUrl::of(path, query).signed(&keys, Some(now + std::time::Duration::from_hours(1)));
    let url = url.unwrap();
    let (path, query) = url.split_once('?').unwrap();
    time("a signed URL", |_| {
        let url = SignedUrl::of(black_box(path), black_box(query));
        assert!(matches!(url.verify(&keys, now), Some(Ok(_))));
    });
}

fn time(what: &str, mut decide: impl FnMut(u32)) {
    let begin = Instant::now();
    for n in 0..DECISIONS {
        decide(n);
    }
    let each = begin.elapsed().as_secs_f64() * 1e6 / f64::from(DECISIONS);
    println!("decision: {what}: {each:.2} us, of {DECISIONS}");
}
