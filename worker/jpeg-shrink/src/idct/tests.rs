use super::*;

/// The definition (ITU T.81, A.3.3), then the average of squares.
fn defined(coefficients: &[f64; 64], side: usize) -> Vec<f64> {
    let cosine = |x: usize, u: usize| {
        let normal = if u == 0 { 0.5_f64.sqrt() } else { 1.0 };
        normal / 2.0 * (((2 * x + 1) * u) as f64 * std::f64::consts::PI / 16.0).cos()
    };
    let full = |x: usize, y: usize| -> f64 {
        let terms = (0..64).map(|i| coefficients[i] * cosine(x, i % 8) * cosine(y, i / 8));
        terms.sum::<f64>() + 128.0
    };
    let step = 8 / side;
    let mut averages = Vec::new();
    for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
        let square = (0..step * step).map(|i| full(x * step + i % step, y * step + i / step));
        averages.push((square.sum::<f64>() / (step * step) as f64).clamp(0.0, 255.0));
    }
    averages
}

fn check<const SIDE: usize, const COUNT: usize>()
where
    Inverse: Transform<SIDE, COUNT>,
{
    let table: [u16; 64] = std::array::from_fn(|index| 3 + index as u16 / 2);
    let factors = Factors::new(&table, SIDE);
    let mut state = 12345_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i32::try_from(state >> 20).unwrap() - 2048
    };
    let order = places(8);
    for round in 0..500 {
        let mut block = [0_i16; COUNT];
        let mut exact = [0.0; 64];
        for index in 0..64 {
            let place = usize::from(places(SIDE)[index]);
            if place < COUNT {
                // Every tenth block is flat.
                let spread = 8 + 8 * index as i32 * (1 + index as i32);
                let value = if round % 10 == 0 && index > 0 {
                    0
                } else {
                    random() / spread
                };
                block[place] = value as i16;
                let (column, row) = (order[index] / 8, order[index] % 8);
                exact[usize::from(row * 8 + column)] = f64::from(value * i32::from(table[index]));
            }
        }
        let samples = Inverse::samples(&block, &factors);
        for (sample, exact) in samples.as_flattened().iter().zip(defined(&exact, SIDE)) {
            assert!(
                (f64::from(*sample) - exact).abs() < 0.51,
                "{sample} {exact}"
            );
        }
    }
}

#[test]
fn each_transform_gives_averages_of_the_definition() {
    check::<8, 64>();
    check::<4, 16>();
    check::<2, 4>();
    check::<1, 1>();
}

#[test]
fn the_zigzag_is_that_of_the_standard() {
    let rows_of_a_6 = [0, 8, 1, 2, 9, 16, 24, 17, 10, 3, 4, 11];
    assert_eq!(places(8)[..12], rows_of_a_6);
    assert_eq!(places(8)[63], 63);
    for side in [1, 2, 4, 8] {
        let needed = |place: &u8| usize::from(*place) < side * side;
        let last = places(side).iter().rposition(needed).unwrap();
        assert_eq!(last, last_needed(side) as usize);
    }
}

#[test]
fn wild_coefficients_stay_in_range() {
    let factors = Factors::new(&[u16::MAX; 64], 4);
    for value in [i16::MIN, i16::MAX] {
        let samples = Inverse::samples(&[value; 16], &factors);
        assert!(
            samples
                .as_flattened()
                .iter()
                .all(|it| [0, 255].contains(it))
        );
    }
}
