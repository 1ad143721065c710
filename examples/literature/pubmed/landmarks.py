"""Made-up papers with distinctive subjects, and a question that each of them answers."""

from typing import Final

LANDMARKS: Final = (
    (
        "SGLT2 inhibition and readmission in heart failure with preserved ejection fraction",
        (
            "BACKGROUND: Few drugs help when the ejection fraction is preserved.\n"
            "METHODS: Dapagliflozin or placebo was given to 1,904 adults after a first admission.\n"
            "RESULTS: Readmission for heart failure fell by a quarter; ketoacidosis was rare.\n"
            "CONCLUSIONS: SGLT2 inhibitors belong to early treatment."
        ),
        ("Heart Failure", "Sodium-Glucose Transporter 2 Inhibitors"),
    ),
    (
        "Faecal microbiota transplantation for recurrent Clostridioides difficile infection",
        (
            "BACKGROUND: Vancomycin often fails once the infection has come back.\n"
            "METHODS: Donor stool in capsules was compared with a tapered course of vancomycin.\n"
            "RESULTS: Eight weeks later 88% were free of diarrhoea, against 41%.\n"
            "CONCLUSIONS: Capsules restore a diverse gut flora."
        ),
        ("Fecal Microbiota Transplantation", "Clostridioides difficile"),
    ),
    (
        "Base editing of the haematopoietic stem cell raises fetal haemoglobin",
        (
            "BACKGROUND: Fetal haemoglobin protects people with sickle cell disease.\n"
            "METHODS: Autologous CD34+ cells were edited at the BCL11A enhancer and given back.\n"
            "RESULTS: Fetal haemoglobin rose to 43%, and no vaso-occlusive crisis followed.\n"
            "CONCLUSIONS: Editing of single bases is a way to a cure."
        ),
        ("Gene Editing", "Anemia, Sickle Cell", "Fetal Hemoglobin"),
    ),
    (
        "Thrombectomy beyond six hours in basilar artery occlusion",
        (
            "BACKGROUND: The time window of thrombectomy in the posterior circulation is unknown.\n"
            "METHODS: Patients were treated 6 to 24 hours after the stroke began.\n"
            "RESULTS: Independence at 90 days doubled; haemorrhage was as frequent.\n"
            "CONCLUSIONS: Late thrombectomy is worth while in selected patients."
        ),
        ("Thrombectomy", "Ischemic Stroke", "Basilar Artery"),
    ),
    (
        "Plasma p-tau217 as a screening test for Alzheimer disease",
        (
            "BACKGROUND: Lumbar puncture and amyloid PET are scarce.\n"
            "METHODS: Phosphorylated tau was measured in the blood of 2,310 patients.\n"
            "RESULTS: Against amyloid PET the area under the curve was 0.94.\n"
            "CONCLUSIONS: A blood test can replace most scans."
        ),
        ("Alzheimer Disease", "tau Proteins", "Biomarkers"),
    ),
    (
        "Seasonal malaria chemoprevention delivered together with the RTS,S vaccine",
        (
            "BACKGROUND: Vaccine and chemoprevention each protect in part.\n"
            "METHODS: Young children of the Sahel received one, the other or both.\n"
            "RESULTS: Both together averted two thirds of severe episodes.\n"
            "CONCLUSIONS: Delivery can be combined before the rains."
        ),
        ("Malaria Vaccines", "Chemoprevention"),
    ),
    (
        "CFTR modulators in infancy and the growth of the pancreas",
        (
            "BACKGROUND: Pancreatic insufficiency begins before birth in cystic fibrosis.\n"
            "METHODS: Elexacaftor combinations were started in the first year of life.\n"
            "RESULTS: Faecal elastase became normal in half of the infants.\n"
            "CONCLUSIONS: Early modulators preserve exocrine function."
        ),
        ("Cystic Fibrosis Transmembrane Conductance Regulator", "Infant"),
    ),
    (
        "Bacteriophage therapy of a prosthetic joint infected by Staphylococcus aureus",
        (
            "BACKGROUND: Biofilm shields bacteria on implants.\n"
            "METHODS: Three phages were instilled at the revision of the knee.\n"
            "RESULTS: Cultures were sterile after a year in 9 of 11 patients.\n"
            "CONCLUSIONS: Phages are an option where implants must stay."
        ),
        ("Phage Therapy", "Prosthesis-Related Infections"),
    ),
    (
        "Deep brain stimulation of the fornix alters hippocampal theta rhythm",
        (
            "BACKGROUND: How stimulation affects memory circuits is not understood.\n"
            "METHODS: Local field potentials were recorded in twelve implanted patients.\n"
            "RESULTS: Theta power rose with stimulation at 5 Hz, and recall with it.\n"
            "CONCLUSIONS: Rhythm, rather than dose, seems to matter."
        ),
        ("Deep Brain Stimulation", "Hippocampus", "Theta Rhythm"),
    ),
    (
        "Newborn screening for spinal muscular atrophy: eight years of a regional programme",
        (
            "BACKGROUND: Motor neurons are lost within weeks of birth.\n"
            "METHODS: Dried blood spots were tested for the deletion of exon 7 of SMN1.\n"
            "RESULTS: All 41 infants found were treated before symptoms; 38 walk.\n"
            "CONCLUSIONS: Screening changes the course of the disease."
        ),
        ("Neonatal Screening", "Muscular Atrophy, Spinal"),
    ),
)
"""Title, abstract and MeSH headings."""

QUESTIONS: Final = (
    "SGLT2 inhibitors for preserved ejection fraction",
    "stool transplant for recurrent C. difficile",
    "gene editing to raise fetal haemoglobin",
    "late thrombectomy in basilar stroke",
    "blood test p-tau217 for Alzheimer",
    "malaria vaccine together with seasonal chemoprevention",
    "CFTR modulator in infants with pancreatic insufficiency",
    "phage therapy of infected joint prosthesis",
    "theta rhythm and stimulation of the fornix",
    "screening newborns for spinal muscular atrophy",
)
"""A question for each landmark, in the same order."""
