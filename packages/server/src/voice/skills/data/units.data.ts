/** One unit: how people call it, and how it leads to the first unit of its kind (`value * factor + offset`). */
export interface Unit {
  readonly kind: 'length' | 'mass' | 'temperature' | 'volume' | 'speed' | 'area' | 'time' | 'data';
  readonly one: string;
  readonly many: string;
  /** Other names, lower case. */
  readonly also: readonly string[];
  readonly factor: number;
  readonly offset?: number;
}

const unit = (kind: Unit['kind'], one: string, many: string, factor: number, also = '', offset = 0): Unit => ({
  kind,
  one,
  many,
  also: also.split(',').filter((name) => name !== ''),
  factor,
  offset,
});

/**
 * Factors are exact by definition: the international yard and pound (1959), the US gallon of 231 cubic inches, the
 * imperial gallon of 4.54609 litres. Cups, pints, gallons and ounces of liquid are those of the United States.
 */
export const UNITS: readonly Unit[] = [
  unit('length', 'meter', 'meters', 1, 'metre,metres,m'),
  unit('length', 'kilometer', 'kilometers', 1_000, 'kilometre,kilometres,km,kms'),
  unit('length', 'centimeter', 'centimeters', 0.01, 'centimetre,centimetres,cm'),
  unit('length', 'millimeter', 'millimeters', 0.001, 'millimetre,millimetres,mm'),
  unit('length', 'mile', 'miles', 1_609.344, ''),
  unit('length', 'yard', 'yards', 0.9144, 'yd,yds'),
  unit('length', 'foot', 'feet', 0.3048, 'ft'),
  unit('length', 'inch', 'inches', 0.0254, ''),
  unit('length', 'nautical mile', 'nautical miles', 1_852),
  unit('length', 'light year', 'light years', 9_460_730_472_580_800),

  unit('mass', 'kilogram', 'kilograms', 1, 'kilo,kilos,kg,kgs,kilogramme,kilogrammes'),
  unit('mass', 'gram', 'grams', 0.001, 'gramme,grammes,g'),
  unit('mass', 'milligram', 'milligrams', 1e-6, 'mg'),
  unit('mass', 'ton', 'tons', 1_000, 'tonne,tonnes,metric ton,metric tons'),
  unit('mass', 'pound', 'pounds', 0.45359237, 'lb,lbs'),
  unit('mass', 'ounce', 'ounces', 0.028349523125, 'oz'),
  unit('mass', 'stone', 'stone', 6.35029318, 'stones'),

  unit(
    'temperature',
    'degree Celsius',
    'degrees Celsius',
    1,
    'degrees celsius,celsius,degrees centigrade,centigrade,degrees c,c',
  ),
  unit(
    'temperature',
    'degree Fahrenheit',
    'degrees Fahrenheit',
    5 / 9,
    'degrees fahrenheit,fahrenheit,degrees f,f',
    -160 / 9,
  ),
  unit('temperature', 'kelvin', 'kelvin', 1, 'kelvins,degrees kelvin', -273.15),

  unit('volume', 'liter', 'liters', 1, 'litre,litres,l'),
  unit('volume', 'milliliter', 'milliliters', 0.001, 'millilitre,millilitres,ml,cubic centimeters,cubic centimetres'),
  unit('volume', 'cubic meter', 'cubic meters', 1_000, 'cubic metre,cubic metres'),
  unit('volume', 'gallon', 'gallons', 3.785411784, 'us gallon,us gallons'),
  unit('volume', 'imperial gallon', 'imperial gallons', 4.54609, 'uk gallon,uk gallons'),
  unit('volume', 'quart', 'quarts', 0.946352946),
  unit('volume', 'pint', 'pints', 0.473176473),
  unit('volume', 'cup', 'cups', 0.2365882365),
  unit('volume', 'fluid ounce', 'fluid ounces', 0.0295735295625, 'fl oz'),
  unit('volume', 'tablespoon', 'tablespoons', 0.01478676478125, 'tbsp'),
  unit('volume', 'teaspoon', 'teaspoons', 0.00492892159375, 'tsp'),

  unit('speed', 'meter per second', 'meters per second', 1, 'metres per second,metre per second'),
  unit(
    'speed',
    'kilometer per hour',
    'kilometers per hour',
    1 / 3.6,
    'kilometres per hour,kilometre per hour,kmh,kph,km h,km per hour,kilometers an hour,kilometres an hour',
  ),
  unit('speed', 'mile per hour', 'miles per hour', 0.44704, 'mph,miles an hour'),
  unit('speed', 'knot', 'knots', 1_852 / 3_600),

  unit('area', 'square meter', 'square meters', 1, 'square metre,square metres'),
  unit('area', 'square kilometer', 'square kilometers', 1e6, 'square kilometre,square kilometres'),
  unit('area', 'square centimeter', 'square centimeters', 1e-4, 'square centimetre,square centimetres'),
  unit('area', 'square mile', 'square miles', 2_589_988.110336),
  unit('area', 'square yard', 'square yards', 0.83612736),
  unit('area', 'square foot', 'square feet', 0.09290304),
  unit('area', 'square inch', 'square inches', 0.00064516),
  unit('area', 'acre', 'acres', 4_046.8564224),
  unit('area', 'hectare', 'hectares', 1e4),

  unit('time', 'second', 'seconds', 1, 'sec,secs'),
  unit('time', 'millisecond', 'milliseconds', 0.001, 'ms'),
  unit('time', 'minute', 'minutes', 60, 'min,mins'),
  unit('time', 'hour', 'hours', 3_600, 'hr,hrs'),
  unit('time', 'day', 'days', 86_400),
  unit('time', 'week', 'weeks', 604_800),
  // a common year: what people mean by days in a year
  unit('time', 'year', 'years', 31_536_000),

  unit('data', 'byte', 'bytes', 1),
  unit('data', 'bit', 'bits', 0.125),
  unit('data', 'kilobyte', 'kilobytes', 1e3, 'kb'),
  unit('data', 'megabyte', 'megabytes', 1e6, 'mb'),
  unit('data', 'gigabyte', 'gigabytes', 1e9, 'gb,gigs,gig'),
  unit('data', 'terabyte', 'terabytes', 1e12, 'tb'),
  unit('data', 'kibibyte', 'kibibytes', 1_024),
  unit('data', 'mebibyte', 'mebibytes', 1_048_576),
  unit('data', 'gibibyte', 'gibibytes', 1_073_741_824),
];
