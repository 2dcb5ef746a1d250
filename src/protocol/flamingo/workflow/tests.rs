use super::*;
use crate::protocol::flamingo::settings::Settings;
use crate::protocol::flamingo::vectors::vector;

const TEXT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/flamingo/workflow.txt"
));

fn limits() -> StageLimits {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/flamingo/settings.txt"
    ));
    Settings::read(&Document::parse(text.as_bytes())).limits()
}

fn problems(text: &str) -> Vec<String> {
    match check(text.as_bytes(), &limits()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(WorkflowProblem::to_string).collect(),
    }
}

#[test]
fn a_workflow_within_the_limits_passes() {
    let summary = check(TEXT.as_bytes(), &limits()).unwrap();
    assert_eq!(
        summary,
        WorkflowSummary {
            stack_option: "ZStack".into(),
            planes: Some(200),
            start: [Some(8.0), Some(15.0), Some(18.0), Some(0.0)],
            end: [Some(8.0), Some(15.0), Some(18.995), Some(0.0)],
            directory: "example".into(),
        }
    );
    let windows = TEXT.replace('\n', "\r\n");
    assert!(check(windows.as_bytes(), &limits()).is_ok());
}

#[test]
fn what_is_wrong_is_said_by_line_with_what_is_allowed() {
    // (in the text, changed into, what is said)
    let cases = [
        (
            "Number of planes = 200",
            "Number of planes = 0",
            "line 22: Number of planes = \"0\"; a whole number from 1 on is allowed",
        ),
        (
            "Number of planes = 200",
            "Number of planes = 2.5",
            "line 22: Number of planes = \"2.5\"; a whole number from 1 on is allowed",
        ),
        (
            "    Number of planes = 200\n",
            "",
            "line 20: <Stack Settings> has no \"Number of planes\"; write Number of planes = VALUE",
        ),
        (
            "Save image directory = example",
            "Save image directory = a/b",
            "line 13: Save image directory = \"a/b\"; one directory name without / or \\ is allowed",
        ),
        (
            "Save image directory = example",
            "Save image directory = ..",
            "line 13: Save image directory = \"..\"; one directory name without / or \\ is allowed",
        ),
        (
            "Save image directory = example",
            "Save image directory = C:\\data",
            "line 13: Save image directory = \"C:\\data\"; one directory name without / or \\ is allowed",
        ),
        (
            "Save image directory = example",
            "Save image directory =",
            "line 13: Save image directory = \"\"; one directory name without / or \\ is allowed",
        ),
        (
            "Z (mm) = 18.995",
            "Z (mm) = 25.5",
            "line 38: <End Position>: 25.5 mm is outside the limits of z; 11 to 25 mm is allowed",
        ),
        (
            "X (mm) = 8.000\n    Y (mm) = 15.000\n    Z (mm) = 18.000",
            "X (mm) = here\n    Y (mm) = 15.000\n    Z (mm) = 18.000",
            "line 30: X (mm) = \"here\"; a number is allowed",
        ),
        (
            "Z stage velocity (mm/s) = 0.2",
            "Z stage velocity (mm/s) = 2",
            "line 24: Z stage velocity (mm/s) = \"2\"; 0.001 to 1 mm/s is allowed",
        ),
        (
            "Stack option = ZStack",
            "Stack option = Tile",
            "line 20: <Stack Settings> has no \"Stack option settings 1\"; write Stack option settings 1 = VALUE",
        ),
        (
            "Save image data = Raw",
            "Save image data = Tiff\n# AOI too large",
            "line 23: 200 planes do not fit a TIFF file; at most 127 do, or save as BigTiff or Raw",
        ),
        (
            "</Workflow Settings>",
            "",
            "line 1: <Workflow Settings> is not closed; write </Workflow Settings> where it ends",
        ),
        (
            "</Workflow Settings>",
            "</Workflow Settings>\nmore = 1",
            "line 45: stands outside <Workflow Settings>; move it inside or leave it out",
        ),
    ];
    for (from, into, want) in cases {
        assert!(TEXT.contains(from), "{from}");
        let found = problems(&TEXT.replace(from, into));
        assert!(found.contains(&want.to_owned()), "{into}: {found:#?}");
    }
}

#[test]
fn a_text_that_is_no_workflow_is_refused() {
    let cases = [
        (
            "",
            "the workflow is empty; it has to begin with <Workflow Settings>",
        ),
        (
            " \r\n",
            "the workflow is empty; it has to begin with <Workflow Settings>",
        ),
        (
            "a = 1\n",
            "there is no <Workflow Settings>; all of a workflow stands in it",
        ),
        (
            "<Workflow Settings>\n# nothing\n</Workflow Settings>\n",
            "line 1: there is nothing in <Workflow Settings>",
        ),
    ];
    for (text, want) in cases {
        assert_eq!(problems(text), [want]);
    }
    let over = vec![b'x'; MAX_PAYLOAD_BYTES + 1];
    assert_eq!(
        check(&over, &limits()),
        Err(vec![WorkflowProblem::TooLong { got: over.len() }])
    );
    // It is good to be sent as bytes, and no experiment.
    let recorded = String::from_utf8(vector("V11")[128..].to_vec()).unwrap();
    assert_eq!(
        problems(&recorded),
        ["there is no <Start Position>; write one inside <Workflow Settings>"]
    );
}

#[test]
fn a_second_position_does_not_slip_past_the_first() {
    let second = "  <Start Position>\n    X (mm) = 99\n  </Start Position>\n</Workflow Settings>";
    assert_eq!(
        problems(&TEXT.replace("</Workflow Settings>", second)),
        ["line 44: <Start Position> is there twice; leave one out"]
    );
    let value = "Z (mm) = 18.000\n    Z (mm) = 99";
    assert_eq!(
        problems(&TEXT.replace("Z (mm) = 18.000", value)),
        ["line 33: \"Z (mm)\" is there twice; leave one out"]
    );
}

#[test]
fn nothing_is_sent_while_limits_are_unknown() {
    let found = check(TEXT.as_bytes(), &StageLimits::default()).unwrap_err();
    assert_eq!(found.len(), 8);
    assert_eq!(
        found[0].to_string(),
        "line 30: <Start Position>: the limits of x are not known; it may not be moved"
    );
}
