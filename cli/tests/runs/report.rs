//! `report.html` of a run.

use crate::place::{Place, SMALL};
use std::fs;

/// Convolution, batch norm, pooling, a residual: a row of each must stand in the table with its gradients.
const IMAGES: &str = r#"epochs = 1
data = { name = "digits", standardize = "feature", limit = 200 }
split = { validation = 0.25 }
loss = { name = "CrossEntropyLoss" }
optimizer = { type = "Adam" }
layers = [
    { type = "Conv2d", in_channels = 1, out_channels = 4, kernel_size = 3, padding = 1 },
    { type = "BatchNorm2d", num_features = 4 },
    { type = "MaxPool2d", kernel_size = 2 },
    { type = "Residual", layers = [{ type = "Conv2d", in_channels = 4, out_channels = 4, kernel_size = 1 }, { type = "Tanh" }] },
    { type = "Flatten" },
    { type = "Linear", in_features = 64, out_features = 10 },
]
"#;

#[test]
fn a_classifier_of_images_has_every_section_and_a_passed_check_of_each_layer() {
    let place = Place::new();
    place.train("images", IMAGES, "");
    let html = place.read("images/report.html");
    for title in ["Results", "Curves", "Confusion", "Worst examples", "Diagnosis", "Network", "Description"] {
        assert!(html.contains(&format!("-title\">{title}</h2>")), "{title}");
    }
    for layer in
        ["Conv2d(1, 4, 3).padding(1)", "BatchNorm2d(4)", "MaxPool2d(2)", "Residual", "Flatten", "Linear(64, 10)"]
    {
        assert!(html.contains(&format!("<code>{layer}</code>")), "{layer}");
    }
    // Eight rows: seven layers and the sum of the residual.
    assert_eq!(html.matches("class=\"passed\">✓ ").count(), 8);
    assert!(!html.contains("✗"));
    // 4·9 + 4, 2·4, 4·4 + 4 and 64·10 + 10.
    assert!(html.contains("718 parameters"), "parameters");
    // 2·(4·64·9 + 4·16·4 + 10·64) multiply-adds for an image.
    assert!(html.contains("6,400 FLOPs for one sample forward"), "FLOPs");
    assert!(html.contains("data:image/png;base64,") && html.contains(" → "), "the images are drawn");
    assert!(html.contains("<th scope=\"row\">sample ") && html.contains("by their number in the set"), "and named");
    for outside in ["http:", "https:", "src=", "<script"] {
        assert!(!html.contains(outside), "{outside} in the page");
    }
}

#[test]
fn a_regression_has_residuals_and_its_worst_rows() {
    let place = Place::new();
    let text = SMALL
        .replace("\"moons\"", "\"regression\"")
        .replace("noise = 0.1\n", "")
        .replace("CrossEntropyLoss", "MSELoss");
    place.train("values", &text.replace("out_features = 2", "out_features = 1"), "");
    let html = place.read("values/report.html");
    for words in ["Residuals", "Mean absolute error", "predicted − true", "Samples by their number"] {
        assert!(html.contains(words), "{words}");
    }
    assert!(!html.contains("Confusion") && !html.contains("accuracy (%)"));
}

#[test]
fn the_page_can_be_written_anew_with_the_same_bytes() {
    let place = Place::new();
    place.train("run", SMALL, "");
    let page = place.read("run/report.html");
    fs::remove_file(place.path("run/report.html")).unwrap();
    let ran = place.run("report @run");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout.trim(), place.path("run/report.html"));
    assert!(place.read("run/report.html") == page);
    // What the page calls the run is what its folder is called now.
    fs::rename(place.path("run"), place.path("moved")).unwrap();
    assert_eq!(place.run("report @moved").code, 0);
    assert!(place.read("moved/report.html").contains("The run moved"));
    fs::rename(place.path("moved"), place.path("run")).unwrap();
    place.run("report @none").is_refused_with(&["is not the folder of a run"]);
    fs::remove_file(place.path("run/model.safetensors")).unwrap();
    place.run("report @run").is_refused_with(&["model.safetensors", "not finished"]);
    place.run("report @run --quick").is_refused_with(&["--quick"]);
}
