use super::*;
#[test]
fn measure() {
    let dir = std::env::args().nth(99).unwrap_or("/tmp/h-encode-sharp/".into());
    for name in ["flower_200","flower_800","lake_200","lake_800","board_200","board_800","logo_200","logo_800","alpha_800"] {
        let Ok(samples) = std::fs::read(format!("{dir}{name}.raw")) else {continue};
        let json = std::fs::read_to_string(format!("{dir}{name}.json")).unwrap();
        let n: Vec<u32> = json.trim_matches(['[',']']).split(',').map(|x| x.parse().unwrap()).collect();
        let ch = if n[2]==3 {Channels::Rgb} else {Channels::Rgba};
        let pixels = Pixels::new(Size{width:n[0],height:n[1]}, samples, ch).unwrap();
        for q in [1,30,60,80,99] {
            let t = std::time::Instant::now();
            let png = palette(&pixels, q, 6).unwrap();
            println!("{name} q={q} ms={}", t.elapsed().as_millis());
            std::fs::write(format!("{dir}pal_{name}_{q}.png"), png).unwrap();
        }
    }
}
