use super::*;

fn canonical(json: &str) -> String {
    Operations::parse(json).unwrap().to_string()
}

#[test]
fn an_operation_has_one_canonical_form() {
    let table = [
        ("[]", "[]"),
        (
            r#"[["rotate",-90],["rotate",450.0]]"#,
            r##"[["rotate",270,{"background":"#000000"}],["rotate",90,{"background":"#000000"}]]"##,
        ),
        (
            r#"[["rotate",12.34567,{"background":{"r":255,"g":0,"b":0,"alpha":0.5}}]]"#,
            r##"[["rotate",12.346,{"background":"#ff000080"}]]"##,
        ),
        (
            r#"[["flip"],["flop"],["greyscale"],["grayscale"]]"#,
            r#"[["flip"],["flop"],["grayscale"],["grayscale"]]"#,
        ),
        (r#"[["blur"],["blur",null]]"#, r#"[["blur"],["blur"]]"#),
        (r#"[["blur",{"sigma":2.50}]]"#, r#"[["blur",2.5]]"#),
        (r#"[["sharpen"]]"#, r#"[["sharpen"]]"#),
        (
            r#"[["sharpen",1,2,3],["sharpen",{"sigma":1,"m1":2,"m2":3,"y2":10}]]"#,
            r#"[["sharpen",{"m1":2,"m2":3,"sigma":1,"x1":2,"y2":10,"y3":20}],["sharpen",{"m1":2,"m2":3,"sigma":1,"x1":2,"y2":10,"y3":20}]]"#,
        ),
        (
            r##"[["tint","rgb(255, 0, 0)"],["tint","#f00"],["tint",{"r":255}]]"##,
            r##"[["tint","#ff0000"],["tint","#ff0000"],["tint","#ff0000"]]"##,
        ),
        (
            r#"[["negate"],["negate",{"alpha":false}]]"#,
            r#"[["negate",{"alpha":true}],["negate",{"alpha":false}]]"#,
        ),
        (
            r#"[["modulate",{"hue":-10,"brightness":1.2}]]"#,
            r#"[["modulate",{"brightness":1.2,"hue":350,"lightness":0,"saturation":1}]]"#,
        ),
        (
            r#"[["extract",{"left":1,"top":0,"width":20.0,"height":30}]]"#,
            r#"[["extract",{"height":30,"left":1,"top":0,"width":20}]]"#,
        ),
        (
            r#"[["trim"],["trim",{"background":"rgba(0,0,0,0)","threshold":0}]]"#,
            r##"[["trim",{"threshold":10}],["trim",{"background":"#00000000","threshold":0}]]"##,
        ),
        (
            r#"[["normalize"],["threshold"],["linear",1.5]]"#,
            r#"[["normalise",{"lower":1,"upper":99}],["threshold",128,{"grayscale":true}],["linear",1.5,0]]"#,
        ),
        (
            r##"[["flatten",{"background":"#00f"}],["removeAlpha"],["ensureAlpha"]]"##,
            r##"[["flatten",{"background":"#0000ff"}],["removeAlpha"],["ensureAlpha",1]]"##,
        ),
        (
            r#"[["extend",7],["extend",{"right":50,"background":"transparent"}]]"#,
            r##"[["extend",{"background":"#000000","bottom":7,"left":7,"right":7,"top":7}],["extend",{"background":"#00000000","bottom":0,"left":0,"right":50,"top":0}]]"##,
        ),
    ];
    for (json, expected) in table {
        assert_eq!(canonical(json), expected);
        assert_eq!(canonical(expected), expected);
    }
}

fn refused(table: &[(&str, &str)]) {
    for (json, says) in table {
        let error = Operations::parse(json).unwrap_err().to_string();
        assert!(error.contains(says), "{json}: {error}");
    }
}

#[test]
fn what_is_wrong_with_an_operation_is_said_by_name() {
    let a_list = "\"transforms\" Parameter needs to be a JSON array of allowed transformations";
    refused(&[
        ("", a_list),
        ("blur", a_list),
        ("{}", a_list),
        ("null", a_list),
        ("[1", a_list),
        (
            r#"[["flip"],["flip"],["flip"],["flip"],["flip"],["flip"]]"#,
            "6 transformations, at most 5",
        ),
        (r#"["flip"]"#, "array of a method and its arguments"),
        ("[[]]", "array of a method and its arguments"),
        ("[[5]]", "array of a method and its arguments"),
        (r#"[["explode"]]"#, "no transformation \"explode\""),
        (r#"[["ex\r\nplode"]]"#, "no transformation \"explode\""),
        (
            r#"[["blur",{"a\u0000b":1}]]"#,
            "blur: there is no argument ab",
        ),
        (r#"[["constructor"]]"#, "no transformation \"constructor\""),
        (r#"[["Flip"]]"#, "no transformation \"Flip\""),
        (r#"[["toFile","/etc/passwd"]]"#, "toFile"),
    ]);
}

#[test]
fn a_wrong_argument_is_said_by_name() {
    refused(&[
        (r#"[["flip",true]]"#, "flip: there is no argument true"),
        (r#"[["rotate"]]"#, "rotate: angle is missing"),
        (r#"[["rotate","90"]]"#, "rotate: angle must be a number"),
        (r#"[["rotate",1e300]]"#, "rotate: angle must be a number"),
        (
            r#"[["rotate",90,{"color":"red"}]]"#,
            "rotate: there is no argument color",
        ),
        (
            r#"[["rotate",9,{"background":"nope"}]]"#,
            "rotate: background must be a colour",
        ),
        (
            r#"[["blur",0.2]]"#,
            "blur: sigma must be a number between 0.3 and 1000",
        ),
        (r#"[["blur",1001]]"#, "blur: sigma"),
        (r#"[["blur",5,5]]"#, "blur: there is no argument 5"),
        (r#"[["sharpen",{"m1":1}]]"#, "sharpen: sigma is missing"),
        (r#"[["sharpen",0]]"#, "sharpen: sigma"),
        (r#"[["sharpen",1,-1]]"#, "sharpen: m1"),
    ]);
}

#[test]
fn colours_places_and_options_are_checked() {
    refused(&[
        (r#"[["tint"]]"#, "tint: tint is missing"),
        (r#"[["tint",{"r":300}]]"#, "tint: tint must be a colour"),
        (
            r#"[["negate",{"alpha":1}]]"#,
            "negate: alpha must be true or false",
        ),
        (
            r#"[["modulate",{"brightness":-1}]]"#,
            "modulate: brightness",
        ),
        (
            r#"[["extract",{"left":0,"top":0,"width":5}]]"#,
            "extract: height is missing",
        ),
        (
            r#"[["extract",{"left":0,"top":0,"width":0,"height":1}]]"#,
            "extract: width must be at least 1",
        ),
        (
            r#"[["extract",{"left":-1,"top":0,"width":1,"height":1}]]"#,
            "extract: left must be a whole number",
        ),
        (
            r#"[["extract",{"left":0.5,"top":0,"width":1,"height":1}]]"#,
            "extract: left",
        ),
        (
            r#"[["normalise",{"lower":60,"upper":40}]]"#,
            "normalise: lower must be less than upper",
        ),
        (r#"[["threshold",256]]"#, "threshold: threshold"),
        (r#"[["ensureAlpha",1.5]]"#, "ensureAlpha: alpha"),
        (r#"[["extend",1e9]]"#, "extend: edges"),
    ]);
}

#[test]
fn steps_have_their_places_and_the_later_of_two_counts() {
    let asked = r#"[["negate"],["blur",3],["tint","f00"],["flip"],["blur",5]]"#;
    let operations = Operations::parse(asked).unwrap();
    let steps: Vec<String> = Operation::in_steps(operations.as_slice())
        .into_iter()
        .map(|operation| serde_json::to_string(operation).unwrap())
        .collect();
    assert_eq!(
        steps,
        [
            r#"["flip"]"#,
            r#"["blur",5]"#,
            r##"["tint","#ff0000"]"##,
            r#"["negate",{"alpha":true}]"#
        ]
    );
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in r#"\[\[("(rotate|blur|extract|trim|tint|extend)",?|[0-9e.{}:"-]|"sigma"){0,12}\]\]"#) {
        if let Ok(operations) = Operations::parse(&text) {
            let canonical = operations.to_string();
            proptest::prop_assert_eq!(Operations::parse(&canonical), Ok(operations));
        }
    }
}
