use super::*;

fn read_from(program: Program, arguments: &[&str]) -> Result<Settings, Vec<Problem>> {
    let all = std::iter::once(program.name()).chain(arguments.iter().copied());
    read(
        program,
        &command(program, "test").try_get_matches_from(all).unwrap(),
    )
}

#[test]
fn the_defaults_are_valid() {
    for program in [Program::Api, Program::Worker, Program::Everything] {
        let settings = read_from(program, &[]).unwrap();
        assert_eq!(settings.wait, Duration::from_secs(10));
        assert_eq!(settings.encoding(), Encoding::default());
        assert_eq!(settings.max_original_bytes.bytes(), 100 * 1024 * 1024);
    }
}

#[test]
fn dates_are_renewed_where_they_decide_what_is_removed() {
    let day = Duration::from_hours(24);
    for (arguments, renewed) in [
        (&[][..], None),
        (&["--variants-max-bytes=50GB"], Some(day)),
        (&["--purge-older-than=90d"], Some(day)),
        (&["--purge-older-than=6h"], Some(day / 8)),
        (
            &["--purge-older-than=6h", "--renew-after=1min"],
            Some(Duration::from_mins(1)),
        ),
        (&["--renew-after=2d"], Some(2 * day)),
    ] {
        let settings = read_from(Program::Api, arguments).unwrap();
        assert_eq!(settings.renew_after, renewed, "{arguments:?}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_without_secrets() {
    let arguments = [
        "--wait=soon",
        "--queue=http://user:secret@host",
        "--namespace=a b",
        "--queue-limit=0",
    ];
    let problems = read_from(Program::Api, &arguments).unwrap_err();
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    assert_eq!(problems.len(), 4, "{text}");
    for variable in [
        "THUMBMILL_WAIT=soon",
        "THUMBMILL_QUEUE=***",
        "THUMBMILL_NAMESPACE",
        "THUMBMILL_QUEUE_LIMIT",
    ] {
        assert!(text.contains(variable), "{text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

/// All ways to mistype a URL, and a URL in the place of what is none.
#[test]
fn no_error_of_any_setting_shows_a_password() {
    let mistyped = [
        "amqp:/user:s3cr3t@host",
        "amqp//user:s3cr3t@host",
        "amqp:user:s3cr3t@host",
        "apmq://user:s3cr3t@host",
        "://user:s3cr3t@host",
        "user:s3cr3t@host",
        "amqp://user:12/s3cr3t@host",
        "amqp://user:12#s3cr3t@host",
        "amqp://user:12@s3cr3t@host",
        "amqp://user:s3cr3t@",
        "amqp://user:s3cr3t@host:port",
        "redis:/user:s3cr3t@host",
        "redis://user:12/s3cr3t@host",
        "redis://user:s3cr3t@host/db",
        "http://user:s3cr3t@host",
        "http:/user:s3cr3t@host",
        "s3://user:s3cr3t@bucket",
        " amqp://user:s3cr3t@host",
        "\"amqp://user:s3cr3t@host\"",
        "s3cr3t",
    ];
    for setting in SETTINGS {
        for text in mistyped {
            let Err(problems) = read_from(
                Program::Everything,
                &[&format!("--{}={text}", setting.flag())],
            ) else {
                let texts = [
                    "cache_control",
                    "log_filter",
                    "pregenerate",
                    "presets",
                    "token_cookie",
                    "tokens",
                ];
                let is_text = texts.contains(&setting.name);
                let plain = text == "s3cr3t" || is_text;
                assert!(plain, "{}={text} is a value", setting.name);
                continue;
            };
            let problem: Vec<_> = problems.iter().map(ToString::to_string).collect();
            let problem = problem.join("\n");
            assert!(problem.starts_with(&setting.variable()), "{problem}");
            // Only a setting that is no URL may show a word without a sign of one.
            let url = [
                "storage",
                "s3_endpoint",
                "queue",
                "readiness",
                "authorize",
                "signing_keys",
            ]
            .contains(&setting.name);
            let shown = problem.contains("s3cr3t");
            assert!(!shown || (text == "s3cr3t" && !url), "{problem}");
        }
    }
}

#[test]
fn a_url_that_is_right_is_taken() {
    for (flag, urls) in [
        (
            "queue",
            &[
                "amqp://host",
                "amqp://user:p%2Fw@host:5671/vhost",
                "amqp://[::1]:5672/%2f",
            ][..],
        ),
        (
            "readiness",
            &[
                "redis://host",
                "redis://:pw@host:6379/1",
                "redis://user:p%40w@host",
            ],
        ),
        (
            "s3-endpoint",
            &["http://host:9000", "https://s3.example.com/", ""],
        ),
        ("storage", &["file:./data", "s3://bucket/prefix"]),
    ] {
        for url in urls {
            let read = read_from(Program::Everything, &[&format!("--{flag}={url}")]);
            assert!(read.is_ok(), "{url}: {read:?}");
        }
    }
}

/// Once `amqps://` was taken, and the password was sent in plain text.
#[test]
fn a_url_that_needs_tls_is_refused_by_name() {
    for argument in [
        "--queue=amqps://user:s3cr3t@host",
        "--readiness=rediss://user:s3cr3t@host",
    ] {
        let problems = read_from(Program::Everything, &[argument]).unwrap_err();
        let problem = problems.iter().map(ToString::to_string).collect::<String>();
        assert!(problem.contains("this build has no TLS"), "{problem}");
        assert!(!problem.contains("s3cr3t"), "{problem}");
    }
}

/// The flag is unknown, so nothing is known of the text behind it.
#[test]
fn no_usage_error_shows_a_password() {
    for arguments in [
        &["--queu=amqp://user:s3cr3t@host"][..],
        &["queue=amqp://user:s3cr3t@host"],
        &["amqp://user:s3cr3t@host"],
        &["--queue", "embedded", "user:s3cr3t@host"],
        &["-q=amqp://user:s3cr3t@host"],
        &["-amqp://user:s3cr3t@host"],
        &["--amqp://user:s3cr3t@host"],
        &["--queue=embedded", "--queue=amqp://user:s3cr3t@host"],
        &["known", "--json=amqp://user:s3cr3t@host"],
        &["known", "amqp://user:s3cr3t@host"],
    ] {
        let all = ["thumbmill"].iter().chain(arguments);
        let known = clap::Command::new("known").arg(
            clap::Arg::new("json")
                .long("json")
                .action(clap::ArgAction::SetTrue),
        );
        let command = command(Program::Everything, "test").subcommand(known);
        let error = command.try_get_matches_from(all).unwrap_err();
        let text = without_secrets(error).to_string();
        assert!(text.starts_with("error: "), "{text}");
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

#[test]
fn a_usage_error_still_names_the_flag() {
    let command = command(Program::Everything, "test");
    let error = command
        .try_get_matches_from(["thumbmill", "--queu=embedded"])
        .unwrap_err();
    let text = without_secrets(error).to_string();
    assert!(text.contains("argument '--queu'"), "{text}");
}

#[test]
fn isolation_names_its_words() {
    for text in ["true", "false", ""] {
        let problems = read_from(Program::Worker, &[&format!("--isolation={text}")]).unwrap_err();
        let problem = problems[0].to_string();
        let named = ["THUMBMILL_ISOLATION=", "required, preferred or off"];
        assert!(named.iter().all(|name| problem.contains(name)), "{problem}");
    }
}

#[test]
fn a_message_of_several_lines_is_one_message() {
    assert_eq!(
        indented("a\nthumbmill: ok\u{1b}[1m"),
        "a\n    thumbmill: ok\\u{1b}[1m"
    );
}

#[test]
fn a_program_has_only_the_flags_that_it_reads() {
    assert!(
        command(Program::Worker, "test")
            .try_get_matches_from(["thumbmill-worker", "--listen=1"])
            .is_err()
    );
    assert!(
        command(Program::Api, "test")
            .try_get_matches_from(["thumbmill-api", "--slots=1"])
            .is_err()
    );
}

#[test]
fn the_table_lists_every_setting() {
    let table = include_str!("../../../deploy/SETTINGS.md");
    for setting in SETTINGS {
        let default = if setting.default.is_empty() {
            "unset".to_owned()
        } else {
            format!("`{}`", setting.default)
        };
        let row = format!(
            "| `{}` | {default} | {} |",
            setting.variable(),
            setting.help
        );
        assert!(
            table.contains(&row),
            "deploy/SETTINGS.md lacks this row:\n{row}"
        );
    }
}
