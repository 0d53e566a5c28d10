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
