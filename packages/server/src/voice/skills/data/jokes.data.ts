/** Written for Muster; fit for children. Told in one go, so the answer is in them. */
export const JOKES: readonly string[] = [
  'Why did the clock go to school? It wanted to learn how to tell something other than time.',
  'What did the lamp say to the switch? You always know how to turn me on my bright side.',
  'Why was the calendar so calm? It took things one day at a time.',
  'I asked my alarm clock what its hobby was. It said: waking up on the wrong side of the bed.',
  'Why do robots never get lost? They always follow their wires home.',
  'What does a cloud wear to bed? Its rain pajamas, just in case.',
  'Why did the sock go to therapy? Its partner left it in the dryer.',
  'What do you call a snowman in July? A puddle with a carrot.',
  'Why did the loaf of bread stay home? It felt a bit crumby.',
  'My microphone told me a secret. It said: I hear everything, but I never listen.',
  'Why was the ladder so proud? Everyone looked up when it stood against a wall.',
  'What did the fridge say to the open door? Could you close up? I am losing my cool.',
  'Why did the battery skip the party? It was already drained.',
  'How does a snail send a letter? By snail mail, of course. It arrives next year.',
  'Why did the pencil win the race? It got straight to the point.',
  'What is a volcano when it sleeps? A mountain with a very long alarm.',
  'Why did the umbrella quit its job? It was tired of everyone hiding under it.',
  'What did one elevator say to the other? I think I am coming down with something, but things are looking up.',
];

export const RIDDLES: readonly string[] = [
  'A riddle: I have teeth, but I never eat breakfast. What am I? Think about it. I am a comb.',
  'A riddle: the more you dry with me, the wetter I get, and I hang in your bathroom. What am I? I am a towel.',
  'A riddle: I follow you all day in the sun, and at noon I hide under your feet. What am I? I am your shadow.',
  'A riddle: I have a face and two hands, but I cannot wave. What am I? I am a clock.',
  'A riddle: I speak every language you speak to me, but only in the mountains. What am I? I am an echo.',
  'A riddle: I am full of holes, and still I hold water. What am I? I am a sponge.',
  'A riddle: you buy me to eat with, but you never eat me. What am I? I am a spoon.',
];
