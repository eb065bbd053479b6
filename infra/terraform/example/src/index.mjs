export const handler = async (event) => {
  console.log(JSON.stringify({ level: 'INFO', message: 'order accepted', event }));
  return { accepted: true };
};
